"""What `mend.py` mends of Athena: the emulator's DuckDB knows no Iceberg, and tells neither types nor errors as Athena does.

Written against MiniStack 1.5.33; a new version is looked at again.
"""

import asyncio
import contextvars
import io
import json
import math
import os
import re
import tempfile

import duckdb
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import athena, glue, s3
from pyiceberg.io import FileIO, InputFile
from pyiceberg.manifest import DataFileContent
from pyiceberg.serializers import FromInputFile
from pyiceberg.types import DecimalType, FixedType, ListType, MapType, StructType

ZONED = "TIMESTAMP WITH TIME ZONE"
# What a query's text stands behind.
INTO = "CREATE TEMP TABLE result AS "
# Why Athena ends a query that reads more than BytesScannedCutoffPerQuery.
OVER_THE_LIMIT = "Query cancelled! : Bytes scanned limit was exceeded"
# Which query runs here, and what is told of it.
RUNS = contextvars.ContextVar("query")
# By account, region and token: what was asked for, and the query that runs it.
TOKENS = {}
DUCKDB_TYPES = {
    "boolean": "BOOLEAN", "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "date": "DATE", "time": "TIME",
    "timestamp": "TIMESTAMP", "timestamptz": ZONED, "string": "VARCHAR", "binary": "BLOB", "uuid": "UUID",
}  # fmt: skip
ATHENA_TYPES = {
    "BOOLEAN": "boolean", "TINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint", "HUGEINT": "bigint",
    "UBIGINT": "bigint", "FLOAT": "float", "DOUBLE": "double", "DATE": "date", "TIME": "time", "TIMESTAMP": "timestamp",
    "TIMESTAMP_NS": "timestamp", ZONED: "timestamp with time zone", "VARCHAR": "varchar", "BLOB": "varbinary",
}  # fmt: skip


class Stored(InputFile):
    """An object of the emulator's own S3."""

    def __init__(self, location):
        super().__init__(location)
        bucket, _, key = location.removeprefix("s3://").partition("/")
        self.content = s3._get_object_data(bucket, key)
        if self.content is None:
            raise ValueError(f"ICEBERG_CANNOT_OPEN_SPLIT: {location} is not there")

    def __len__(self):
        return len(self.content)

    def exists(self):
        return True

    def open(self, seekable=True):
        return io.BytesIO(self.content)


class Store(FileIO):
    def new_input(self, location):
        return Stored(location)

    def new_output(self, location):
        raise NotImplementedError(location)

    def delete(self, location):
        raise NotImplementedError(location)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def duckdb_type(kind):
    if isinstance(kind, StructType):
        return "STRUCT(" + ", ".join(f"{quoted(field.name)} {duckdb_type(field.field_type)}" for field in kind.fields) + ")"
    if isinstance(kind, ListType):
        return duckdb_type(kind.element_type) + "[]"
    if isinstance(kind, MapType):
        return f"MAP({duckdb_type(kind.key_type)}, {duckdb_type(kind.value_type)})"
    if isinstance(kind, DecimalType):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    return "BLOB" if isinstance(kind, FixedType) else DUCKDB_TYPES[str(kind)]


class State:
    """A snapshot of an Iceberg table: none is the current one."""

    def __init__(self, database, table, version):
        entry = glue._tables.get(f"{database}/{table}")
        location = ((entry or {}).get("Parameters") or {}).get("metadata_location")
        if not location:
            raise ValueError(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{table}' does not exist")
        store = Store()
        metadata = FromInputFile.table_metadata(store.new_input(location))
        snapshot = metadata.snapshot_by_id(version) if version else metadata.current_snapshot()
        if version and not snapshot:
            raise ValueError(f"INVALID_ARGUMENTS: Iceberg snapshot ID does not exist: {version}")
        schemas = {schema.schema_id: schema for schema in metadata.schemas}
        self.schema = schemas[snapshot.schema_id if version else metadata.current_schema_id]
        self.files = []
        for manifest in snapshot.manifests(store) if snapshot else ():
            for entry in manifest.fetch_manifest_entry(store, discard_deleted=True):
                if entry.data_file.content != DataFileContent.DATA:
                    raise ValueError("NOT_SUPPORTED: the local cloud does not apply deletes of other engines")
                self.files.append(entry.data_file.file_path)

    def relation(self, folder):
        """Exactly its files, with its columns. Gives the bytes of the files, too."""
        typed = ", ".join(f"CAST(NULL AS {duckdb_type(field.field_type)}) AS {quoted(field.name)}" for field in self.schema.fields)
        relation, read, paths = f"SELECT {typed} WHERE false", 0, []
        for number, uri in enumerate(self.files):
            content = Stored(uri).content
            path = os.path.join(folder, f"{number}.parquet")
            with open(path, "wb") as file:
                file.write(content)
            paths.append("'" + path.replace("'", "''") + "'")
            read += len(content)
        if paths:
            relation += f" UNION ALL BY NAME SELECT * FROM read_parquet([{', '.join(paths)}], union_by_name = true, hive_partitioning = false)"
        return relation, read


def with_views(sql):
    """Names a view for each table and version, in as many characters as that stood in, so that places in the text stay what they are."""
    tokens = list(athena._sql_tokens(sql))
    texts = [(kind, text) for kind, text, _, _ in tokens]
    version = [("name", word) for word in ("for", "version", "as", "of")]
    states, edits = {}, []
    for at in range(1, len(tokens)):
        begins = texts[at - 1] in (("name", "from"), ("name", "join")) and texts[at + 1 : at + 2] == [("punct", ".")]
        if not begins or texts[at][0] != "qname":
            continue
        pinned = texts[at + 3 : at + 7] == version
        last = tokens[at + 7] if pinned else tokens[at + 2]
        key = (texts[at][1], texts[at + 2][1], int(last[1]) if pinned else None)
        name = states.setdefault(key, f"v{len(states)}")
        edits.append((tokens[at][2], last[3], name))
    for begin, end, name in reversed(edits):
        sql = sql[:begin] + name.ljust(end - begin) + sql[end:]
    return sql, states


def connect():
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET errors_as_json = true")
    return connection


def told(error, sql, behind=0):
    """An error of DuckDB's in the words of Athena, which begin with its kind and the place."""
    try:
        found = json.loads(str(error)[str(error).index("{") :])
    except ValueError:
        return f"GENERIC_USER_ERROR: {error}"
    kind, message = found.get("exception_type", ""), found.get("exception_message", str(error)).splitlines()[0]
    code = {"Parser": "", "Binder": "SYNTAX_ERROR: ", "Catalog": "FUNCTION_NOT_FOUND: "}.get(kind, "GENERIC_USER_ERROR: ")
    place = int(found.get("position", -1)) - behind
    if place < 0:
        return f"{code}{message}" if code else f"line 1:1: {message}"
    before = sql[:place]
    return f"{code}line {before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: {message}"


def athena_type(kind):
    text = str(kind).upper()
    decimal = re.fullmatch(r"DECIMAL\((\d+), ?(\d+)\)", text)
    if decimal:
        return f"decimal({decimal[1]},{decimal[2]})"
    outer = "array" if text.endswith("]") else {"STRUCT": "row", "MAP": "map"}.get(text.split("(")[0], "varchar")
    return ATHENA_TYPES.get(text, outer)


def text_of(value):
    """A value as Trino writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")
        whole, _, exponent = repr(value).partition("e")
        return f"{whole if '.' in whole else whole + '.0'}E{int(exponent)}" if exponent else whole
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, list):
        return "[" + ", ".join("null" if item is None else text_of(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={'null' if item is None else text_of(item)}" for name, item in value.items()) + "}"
    return str(value)


def run(sql, run_of):
    sql, states = with_views(sql)
    with tempfile.TemporaryDirectory(prefix="athena-") as folder, connect() as connection:
        run_of.update(connection=connection, read=0)
        for number, ((database, table, version), name) in enumerate(states.items()):
            os.mkdir(os.path.join(folder, str(number)))
            relation, read = State(database, table, version).relation(os.path.join(folder, str(number)))
            connection.execute(f"CREATE VIEW {name} AS {relation}")
            run_of["read"] += read
        if run_of["read"] > run_of["cutoff"]:
            raise ValueError(OVER_THE_LIMIT)
        if run_of.get("stopped"):
            raise ValueError("stopped")
        try:
            # Only so are places told of all errors; rows keep their order.
            connection.execute(INTO + sql)
            result = connection.table("result")
            kinds = [str(kind) for kind in result.types]
            columns = [
                f"strftime(#{at} AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%f') || ' UTC'" if kind == ZONED
                else f"strftime(#{at}, '%Y-%m-%d %H:%M:%S.%f')" if kind.startswith("TIMESTAMP") else f"#{at}"
                for at, kind in enumerate(kinds, start=1)
            ]  # fmt: skip
            rows = result.project(", ".join(columns)).fetchall()
            names = result.columns
        except duckdb.Error as error:
            raise ValueError(told(error, sql, len(INTO))) from None
        finally:
            del run_of["connection"]
    return {
        "columns": names,
        "column_types": [athena_type(kind) for kind in kinds],
        "rows": [[None if value is None else text_of(value) for value in row] for row in rows],
    }


def iceberg():
    """Athena reads a snapshot of an Iceberg table; the emulator takes each file below the table's location for one of its rows. Bytes
    scanned are those of the files, where Athena counts the columns that it reads."""

    async def run_duckdb(query, database, catalog=None):
        return await asyncio.to_thread(run, query, RUNS.get())

    athena._run_duckdb = run_duckdb


def executions():
    """StartQueryExecution with a token that it knows gives the same query, and refuses what it cannot parse; a query that was stopped
    stays so; one that fails says whose fault it is. The emulator has neither."""
    start, execute, stop = athena._start_query_execution, athena._execute_query, athena._stop_query_execution
    running = {}

    def started(data):
        token, query = data.get("ClientRequestToken"), data.get("QueryString", "")
        key = (get_account_id(), get_region(), token)
        asked = (query, data.get("WorkGroup"))
        if token and key in TOKENS:
            known, answer = TOKENS[key]
            if known == asked:
                return answer
            return error_response_json("InvalidRequestException", "Idempotent parameters do not match", 400)
        sql, _ = with_views(query)
        try:
            with connect() as connection:
                connection.extract_statements(sql)
        except duckdb.Error as error:
            return error_response_json(
                "InvalidRequestException", told(error, sql), 400, extra={"AthenaErrorCode": "MALFORMED_QUERY"}
            )
        answer = start(data)
        if token and answer[0] < 300:
            TOKENS[key] = (asked, answer)
        return answer

    async def executed(query_id, *rest):
        execution = athena._executions[query_id]
        settings = athena._workgroups.get(execution["WorkGroup"], {}).get("Configuration", {})
        run_of = running[query_id] = {"cutoff": float(settings.get("BytesScannedCutoffPerQuery") or "inf")}
        RUNS.set(run_of)
        await execute(query_id, *rest)
        del running[query_id]
        status = execution["Status"]
        if run_of.get("stopped"):
            status.update(State="CANCELLED", StateChangeReason="Query was cancelled by user")
        elif status["StateChangeReason"] == OVER_THE_LIMIT:
            status["State"] = "CANCELLED"
        elif status["State"] == "FAILED":
            message = status["StateChangeReason"]
            status["AthenaError"] = {"ErrorCategory": 2, "ErrorType": 1006, "Retryable": False, "ErrorMessage": message}
        execution["Statistics"]["DataScannedInBytes"] = run_of.get("read", 0)

    def stopped(data):
        run_of = running.get(data.get("QueryExecutionId"))
        if run_of is not None:
            run_of["stopped"] = True
            if run_of.get("connection"):
                run_of["connection"].interrupt()
        return stop(data)

    athena._start_query_execution = started
    athena._execute_query = executed
    athena._stop_query_execution = stopped


def types():
    """GetQueryResults says digits of a decimal beside its type."""
    results, digits = athena._get_query_results, athena._type_precision_scale

    def precision_scale(kind):
        decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", kind)
        return (int(decimal[1]), int(decimal[2])) if decimal else digits(kind)

    def read(data):
        status, headers, body = results(data)
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        for column in answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]:
            column["Type"] = column["Type"].split("(")[0]
        return json_response(answer)

    athena._type_precision_scale = precision_scale
    athena._get_query_results = read


def mend():
    iceberg()
    executions()
    types()
