"""The independent reader of the local lake: pyiceberg on the Glue catalogue, with DuckDB for SQL.

lake.py ENDPOINT sql FORMAT "SELECT … FROM database.table"    FORMAT: table, csv or json
lake.py ENDPOINT report FORMAT TITLE QUERY …                  several of them, each table read once
lake.py ENDPOINT tables FORMAT                                every table with rows, files, snapshots
lake.py ENDPOINT snapshots FORMAT database.table              the table's history
lake.py ENDPOINT append FORMAT database.table rows.json             appends rows as another engine would
"""

import csv
import datetime
import decimal
import json
import sys

import duckdb
import pyarrow as pa
from pyiceberg.catalog import load_catalog

MAX_ROWS_SHOWN = 200
MAX_CELL_CHARACTERS = 80
ZONED = "TIMESTAMP WITH TIME ZONE"
# Numbers of one column stand below each other by their points, unless that takes more digits.
MAX_DECIMALS = 4


def catalog(endpoint):
    return load_catalog(
        "watershed",
        **{
            "type": "glue",
            "glue.endpoint": endpoint,
            "glue.region": "us-east-1",
            "glue.access-key-id": "test",
            "glue.secret-access-key": "test",
            "s3.endpoint": endpoint,
            "s3.region": "us-east-1",
            "s3.access-key-id": "test",
            "s3.secret-access-key": "test",
            "s3.force-virtual-addressing": False,
        },
    )


def iceberg_tables(lake):
    for namespace in sorted(lake.list_namespaces()):
        for name in sorted(lake.list_tables(namespace)):
            yield ".".join(name), lake.load_table(name)


def table_names(connection, query):
    try:
        # Some versions of DuckDB give a table's alias with it.
        return {name.split(" AS ")[0] for name in connection.get_table_names(query, qualified=True)}
    except duckdb.BinderException:
        # Without the tables it does not know which side of an ASOF JOIN a column is of. The syntax alone has the names, too.
        (tree,) = connection.execute("SELECT json_serialize_sql($1)", [query]).fetchone()
        return set(base_tables(json.loads(tree)))


def base_tables(node):
    """Names with a schema: those without are of the query itself."""
    if isinstance(node, dict) and node.get("type") == "BASE_TABLE" and node["schema_name"]:
        yield f"{node['schema_name']}.{node['table_name']}"
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from base_tables(child)


def connect(lake, queries):
    """DuckDB with the tables that the queries name. `"table@SNAPSHOT"` is an earlier snapshot of the table."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    named = set().union(*(table_names(connection, query) for query in queries))
    for name in sorted(named):
        parts = [part.strip('"') for part in name.split(".")]
        if len(parts) != 2:
            sys.exit(f"{name}: write database.table; `cargo local sql` without a query lists them")
        namespace, table = parts
        table, _, snapshot = table.partition("@")
        scan = lake.load_table((namespace, table)).scan(snapshot_id=int(snapshot) if snapshot else None)
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{namespace}"')
        # Batch by batch: a large table is in memory once, as DuckDB holds it.
        connection.register("incoming", scan.to_arrow_batch_reader())
        connection.execute(f'CREATE TABLE "{namespace}"."{parts[1]}" AS SELECT * FROM incoming')
        connection.unregister("incoming")
    return connection


def fetch(connection, query):
    """DuckDB wants a package more to make Python's of its times with a zone; as text, they need none."""
    result = connection.sql(query)
    if result is None:
        return [], []
    columns = enumerate(result.types, start=1)
    columns = [f"CAST(#{at} AS VARCHAR)" if str(kind) == ZONED else f"#{at}" for at, kind in columns]
    return result.columns, result.project(", ".join(columns)).fetchall()


def sql(lake, query):
    return fetch(connect(lake, [query]), query)


def report(lake, form, *titled):
    pairs = list(zip(titled[::2], titled[1::2]))
    connection = connect(lake, [query for _, query in pairs])
    found = {title: fetch(connection, query) for title, query in pairs}
    if form == "json":
        print(json.dumps({title: [dict(zip(c, row)) for row in rows] for title, (c, rows) in found.items()}, default=text))
        return
    for title, (columns, rows) in found.items():
        print(f"\n{title}\n")
        show(columns, rows)


def tables(lake):
    rows = []
    for name, table in iceberg_tables(lake):
        snapshot = table.current_snapshot()
        summary = snapshot.summary if snapshot else {}
        total = lambda key: int(summary.get(key) or 0)  # noqa: E731
        rows.append(
            (name, total("total-records"), total("total-data-files"), total("total-files-size"), len(table.snapshots()))
        )
    return ["table", "rows", "files", "bytes", "snapshots"], rows


def snapshots(lake, name):
    rows = []
    for snapshot in lake.load_table(name).snapshots():
        summary = snapshot.summary
        made = datetime.datetime.fromtimestamp(snapshot.timestamp_ms / 1000, datetime.timezone.utc)
        total = lambda key: int(summary.get(key) or 0)  # noqa: E731, B023
        rows.append(
            (
                snapshot.snapshot_id,
                made.isoformat(timespec="milliseconds"),
                summary.operation.value,
                total("added-records"),
                total("deleted-records"),
                total("total-records"),
            )
        )
    return ["snapshot", "made", "operation", "added rows", "removed rows", "rows"], rows


def append(lake, name, path):
    table = lake.load_table(name)
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)
    table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
    return ["appended"], [(len(rows),)]


def text(value):
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def aligned(numbers):
    """Numbers as text, with as many decimals each."""
    decimals = max(len(number.partition(".")[2]) for number in numbers)
    if not 0 < decimals <= MAX_DECIMALS or not all(number.lstrip("-").replace(".", "", 1).isdigit() for number in numbers if number):
        return numbers
    return [f"{float(number):.{decimals}f}" if number else number for number in numbers]


def show(columns, rows):
    numbers = (int, float, decimal.Decimal)
    numeric = [all(value is None or isinstance(value, numbers) for value in column) for column in zip(*rows)] or [False] * len(columns)
    shown = [[text(value).replace("\n", "⏎")[:MAX_CELL_CHARACTERS] for value in row] for row in rows[:MAX_ROWS_SHOWN]]
    cells = [list(row) for row in zip(*(aligned(column) if right else column for column, right in zip(zip(*shown), numeric)))]
    widths = [max([len(name)] + [len(row[i]) for row in cells]) for i, name in enumerate(columns)]
    line = lambda row: "  ".join(  # noqa: E731
        cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, numeric)
    ).rstrip()
    print(line(columns))
    print("  ".join("─" * width for width in widths))
    for row in cells:
        print(line(row))
    if len(rows) > MAX_ROWS_SHOWN:
        print(f"… {len(rows) - MAX_ROWS_SHOWN} more rows: write a LIMIT, or use --csv")


def emit(form, columns, rows):
    if form == "json":
        print(json.dumps([dict(zip(columns, row)) for row in rows], default=text))
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([text(value) for value in row] for row in rows)
    else:
        show(columns, rows)


def main():
    endpoint, what, form, *rest = sys.argv[1:]
    actions = {"sql": sql, "tables": tables, "snapshots": snapshots, "append": append}
    try:
        if what == "report":
            report(catalog(endpoint), form, *rest)
            return
        columns, rows = actions[what](catalog(endpoint), *rest)
    except (duckdb.Error, ValueError) as error:
        sys.exit(str(error))
    except Exception as error:  # pyiceberg's have no common base below Exception
        sys.exit(f"{type(error).__name__}: {error}")
    emit(form, columns, rows)


if __name__ == "__main__":
    main()
