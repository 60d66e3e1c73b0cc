"""Compares a table with the CSV file that it was made of, both read without Watershed:
compare.py ENDPOINT database.table FILE.csv [EXPORT.parquet]

Prints one JSON object: the number of rows, the columns compared, and what differs. Sums of integers are exact; of floats
exactly rounded (math.fsum), so that their order does not matter. With EXPORT, the table is written there as well.
"""

import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../infra/local/python"))

import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402
import pyarrow.csv  # noqa: E402
import pyarrow.parquet  # noqa: E402
from lake import catalog  # noqa: E402


def facts(column):
    """What two columns that hold the same values in any order agree on."""
    kind = column.type
    values = column.drop_null()
    found = {"nulls": column.null_count, "distinct": len(pc.unique(values))}
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        found["sum"] = math.fsum(float(value) for value in values.to_pylist())
    elif pa.types.is_integer(kind):
        found["sum"] = sum(values.to_pylist())
    elif pa.types.is_temporal(kind):
        found["sum"] = sum(pc.cast(pc.cast(values, pa.timestamp("us")), pa.int64()).to_pylist())
    else:
        found["bytes"] = pc.sum(pc.binary_length(values.cast(pa.binary()))).as_py()
    return found


def like(column, kind):
    """The CSV's column as the table's type, so that 12 and 12.0 are the same number."""
    if pa.types.is_timestamp(kind) and pa.types.is_string(column.type):
        return pc.strptime(column, format="%Y-%m-%dT%H:%M:%SZ", unit="us").cast(kind, safe=False)
    return column.cast(kind)


endpoint, name, path, *export = sys.argv[1:]
table = catalog(endpoint).load_table(name).scan().to_arrow()
options = pyarrow.csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True, quoted_strings_can_be_null=False)
source = pyarrow.csv.read_csv(path, convert_options=options)
differences = []
if table.num_rows != source.num_rows:
    differences.append(f"rows: {table.num_rows} in the table, {source.num_rows} in the file")
if table.column_names != source.column_names:
    differences.append(f"columns: {table.column_names} in the table, {source.column_names} in the file")
for column in source.column_names:
    ours = facts(table[column])
    theirs = facts(like(source[column], table.schema.field(column).type))
    if ours != theirs:
        differences.append(f"{column}: {ours} in the table, {theirs} in the file")
if export:
    pyarrow.parquet.write_table(table, export[0])
print(json.dumps({"rows": table.num_rows, "columns": source.num_columns, "differences": differences}))
