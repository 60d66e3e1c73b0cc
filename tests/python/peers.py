"""Valid files of every format, and what DuckDB and pyarrow read from them:

peers.py make DIR FILES SEED    writes FILES files of each format, a contract for each, and files.json
peers.py compare DIR            compares NAME.parquet, which Watershed made of each, row by row and type by type

`compare` prints one JSON object: files and rows compared by format, and what differs.
"""

import csv
import datetime
import decimal
import gzip
import io
import json
import os
import random
import sys
import xml.etree.ElementTree
import xml.sax.saxutils

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

# The last two have structs and lists.
FORMATS = ["csv", "ndjson", "json", "xml", "fixed", "parquet", "ndjson-nested", "parquet-nested"]
# Kind: ODCS type, physical type, DuckDB's type. Decimals are made as they come.
KINDS = {
    "boolean": ("boolean", "BOOLEAN", "BOOLEAN"),
    "int": ("integer", "INTEGER", "INTEGER"),
    "long": ("integer", "BIGINT", "BIGINT"),
    "float": ("number", "FLOAT", "FLOAT"),
    "double": ("number", "DOUBLE", "DOUBLE"),
    "decimal": ("number", None, None),
    "date": ("date", "DATE", "DATE"),
    "time": ("time", "TIME", "TIME"),
    "timestamp": ("timestamp", "TIMESTAMP_NTZ", "TIMESTAMP"),
    "timestamptz": ("timestamp", "TIMESTAMP_TZ", "TIMESTAMP WITH TIME ZONE"),
    "string": ("string", "STRING", "VARCHAR"),
}
EPOCH = datetime.datetime(1970, 1, 1)
DAY_US = 86_400_000_000
MAX_ROWS = 120
NULL = "\\N"


class Column:
    def __init__(self, rng, index):
        self.name = f"c{index}"
        self.kind = rng.choice(list(KINDS))
        self.precision = rng.randint(1, 38)
        self.scale = rng.randint(0, self.precision)
        self.optional = rng.random() < 0.7

    def physical(self):
        return KINDS[self.kind][1] or f"DECIMAL({self.precision},{self.scale})"

    def duckdb(self):
        return KINDS[self.kind][2] or f"DECIMAL({self.precision},{self.scale})"

    def value(self, rng, letters):
        """A value as Python has it; floats are those of the type's width."""
        if self.optional and rng.random() < 0.2:
            return None
        kind = self.kind
        if kind == "boolean":
            return rng.random() < 0.5
        if kind in ("int", "long"):
            limit = 2**31 if kind == "int" else 2**63
            return rng.choice([0, -limit, limit - 1, rng.randrange(-limit, limit), rng.randrange(-99, 100)])
        if kind in ("float", "double"):
            value = rng.choice([0.0, rng.random(), rng.uniform(-1e9, 1e9), rng.uniform(-1, 1) * 10.0 ** rng.randint(-30, 30)])
            return pa.scalar(value, pa.float32()).as_py() if kind == "float" else value
        if kind == "decimal":
            digits = rng.choice([self.precision, rng.randint(1, self.precision)])
            unscaled = rng.randrange(-(10**digits) + 1, 10**digits)
            return decimal.Decimal(unscaled).scaleb(-self.scale, decimal.Context(prec=40))
        if kind == "date":
            return datetime.date(1, 1, 1) + datetime.timedelta(days=rng.randrange(3_652_059))
        if kind == "time":
            return (EPOCH + datetime.timedelta(microseconds=rng.randrange(DAY_US))).time()
        if kind.startswith("timestamp"):
            return EPOCH + datetime.timedelta(microseconds=rng.randrange(-40_000 * DAY_US, 40_000 * DAY_US))
        return "".join(rng.choice(letters) for _ in range(rng.choice([0, 1, 5, 40])))

    def text(self, rng, value):
        """The value as people write it."""
        kind = self.kind
        if kind == "boolean":
            return rng.choice(["true", "TRUE", "t"] if value else ["false", "False", "f"])
        if kind in ("float", "double"):
            return pa.scalar(value, pa.float32() if kind == "float" else pa.float64()).cast(pa.string()).as_py()
        if kind == "decimal":
            return f"{value:f}"
        if kind == "timestamp":
            return value.isoformat(rng.choice(["T", " "]))
        if kind == "timestamptz":
            hours = rng.choice([0, 2, -5])
            local = value + datetime.timedelta(hours=hours)
            return local.isoformat() + ("Z" if hours == 0 else f"{hours:+03d}:00")
        return value.isoformat() if hasattr(value, "isoformat") else str(value)


class Nested:
    """A column that is a struct or list, or a field of one."""

    kind = "nested"

    def __init__(self, rng, name, depth):
        self.name = name
        self.depth = depth
        self.optional = rng.random() < 0.7
        shape = rng.choice(["list", "struct"] if depth == 0 else ["list", "struct", "leaf", "leaf", "leaf"])
        shape = "leaf" if depth == 3 else shape
        self.leaf, self.fields = None, []
        if shape == "leaf":
            self.leaf = Column(rng, 0)
            while self.leaf.kind == "decimal":
                self.leaf = Column(rng, 0)
            self.optional = self.leaf.optional or self.leaf.kind == "string"
        elif shape == "struct":
            self.fields = [Nested(rng, f"f{index}", depth + 1) for index in range(rng.randint(1, 3))]
        else:
            self.fields = [Nested(rng, "element", depth + 1)]
        self.is_list = shape == "list"

    def value(self, rng, letters):
        if self.leaf:
            return self.leaf.value(rng, letters)
        if self.optional and rng.random() < 0.2:
            return None
        if self.is_list:
            return [self.fields[0].value(rng, letters) for _ in range(rng.choice([0, 1, 3]))]
        return {field.name: field.value(rng, letters) for field in self.fields}

    def json(self, rng, value):
        if self.leaf or value is None:
            return "null" if value is None else json_value(rng, self.leaf, value)
        if self.is_list:
            return "[" + ", ".join(self.fields[0].json(rng, v) for v in value) + "]"
        members = [f for f in self.fields if value[f.name] is not None or rng.random() < 0.5]
        rng.shuffle(members)
        return "{" + ", ".join(f'"{f.name}": {f.json(rng, value[f.name])}' for f in members) + "}"

    def typed(self, leaf, struct, array):
        if self.leaf:
            return leaf(self.leaf)
        if self.is_list:
            return array(self.fields[0].typed(leaf, struct, array))
        return struct([(f.name, f.typed(leaf, struct, array)) for f in self.fields])

    def duckdb(self, leaf=Column.duckdb):
        struct = lambda fields: "STRUCT(" + ", ".join(f"{n} {t}" for n, t in fields) + ")"
        return self.typed(leaf, struct, "{}[]".format)

    def read_as(self):
        """DuckDB's type to read JSON by: it knows fewer spellings of dates there."""
        return self.duckdb(lambda leaf: "VARCHAR" if leaf.kind in TEMPORAL else leaf.duckdb())

    def arrow(self):
        return self.typed(arrow_type, lambda fields: pa.struct(fields), pa.list_)

    def property(self):
        entry = {"name": self.name, "required": not self.optional}
        if self.leaf:
            return {**entry, "logicalType": KINDS[self.leaf.kind][0], "physicalType": self.leaf.physical()}
        if self.is_list:
            return {**entry, "logicalType": "array", "items": self.fields[0].property()}
        return {**entry, "logicalType": "object", "properties": [f.property() for f in self.fields]}


TEMPORAL = ("date", "time", "timestamp", "timestamptz")


def letters_of(fmt, encoding):
    plain = "abcXYZ019 _-.,;:|#/'"
    if fmt == "fixed":
        return plain.replace(" ", "")
    wide = "äöüßéÀ" + ("" if encoding == "latin-1" else "√Ω漢字🙂")
    return plain + wide + {"csv": '"\n\t', "xml": '<>&"\n', "parquet": "\0"}.get(fmt, '"\\\n\t')


def make(folder, count, seed):
    files = []
    for fmt in FORMATS:
        for number in range(count):
            rng = random.Random(f"{seed}-{fmt}-{number}")
            files.append(one(rng, folder, fmt, f"{fmt}-{number:04}"))
    with open(os.path.join(folder, "files.json"), "w", encoding="utf-8") as out:
        json.dump(files, out)


def one(rng, folder, fmt, name):
    columns = [Column(rng, index) for index in range(rng.randint(2, 8))]
    options = {"encoding": rng.choice(["utf-8"] * 3 + ["latin-1", "utf-16le"]) if fmt in ("csv", "fixed", "xml") else "utf-8"}
    letters = letters_of(fmt, options["encoding"])
    if fmt.endswith("-nested"):
        columns = columns[:2] + [Nested(rng, f"n{index}", 0) for index in range(rng.randint(1, 3))]
        columns = [c for c in columns if c.kind != "decimal"]
        fmt = fmt.removesuffix("-nested")
    rows = [[c.value(rng, letters) for c in columns] for _ in range(rng.choice([0, 1, rng.randint(2, MAX_ROWS)]))]
    if fmt == "parquet":
        write_parquet(rng, columns, rows, os.path.join(folder, name))
    else:
        text = TEXTS[fmt](rng, columns, rows, options)
        body = text.encode(options["encoding"])
        if rng.random() < 0.3:
            body = gzip.compress(body)
        with open(os.path.join(folder, name), "wb") as out:
            out.write(body)
    with open(os.path.join(folder, name + ".odcs.yaml"), "w", encoding="utf-8") as out:
        out.write(contract(fmt, columns, options))
    described = [{"name": c.name, "kind": c.kind, "duckdb": c.duckdb()} for c in columns]
    for column, entry in zip(columns, described):
        if isinstance(column, Nested):
            entry["read_as"] = column.read_as()
    return {"name": name, "format": fmt, "counted_as": name.rsplit("-", 1)[0], "options": options, "columns": described}


def csv_text(rng, columns, rows, options):
    options["delimiter"] = rng.choice([",", ";", "|", "\t"])
    out = io.StringIO(newline="")
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    writer = csv.writer(out, delimiter=options["delimiter"], lineterminator=rng.choice(["\n", "\r\n"]), quoting=quoting)
    writer.writerow([c.name for c in columns])
    for row in rows:
        writer.writerow([NULL if v is None else c.text(rng, v) for c, v in zip(columns, row)])
    text = out.getvalue()
    return text.rstrip("\r\n") if rng.random() < 0.3 and rows and rows[-1][-1] is not None else text


def json_value(rng, column, value):
    if isinstance(column, Nested):
        return column.json(rng, value)
    if value is None or column.kind in ("boolean", "int", "long"):
        return json.dumps(value)
    if column.kind in ("float", "double", "decimal"):
        return column.text(rng, value)
    return json.dumps(column.text(rng, value), ensure_ascii=rng.random() < 0.5)


def json_objects(rng, columns, rows):
    for row in rows:
        members = [(c, v) for c, v in zip(columns, row) if v is not None or rng.random() < 0.5]
        rng.shuffle(members)
        yield "{" + ", ".join(f'"{c.name}": {json_value(rng, c, v)}' for c, v in members) + "}"


def ndjson_text(rng, columns, rows, _options):
    return "".join(line + "\n" for line in json_objects(rng, columns, rows))


def json_text(rng, columns, rows, _options):
    return "[" + rng.choice([",", ",\n  "]).join(json_objects(rng, columns, rows)) + "]"


def xml_text(rng, columns, rows, options):
    escape = xml.sax.saxutils.escape
    out = ['<?xml version="1.0"?><rows>' if options["encoding"] == "utf-8" else "<rows>"]
    for row in rows:
        cells = [f"<{c.name}>{escape(c.text(rng, v))}</{c.name}>" for c, v in zip(columns, row) if v is not None]
        out.append("<row>" + rng.choice(["", "\n  "]).join(cells) + "</row>")
    return "".join(out) + "</rows>"


def fixed_text(rng, columns, rows, options):
    texts = [["" if v is None else c.text(rng, v) for c, v in zip(columns, row)] for row in rows]
    options["widths"] = [max([len(row[index].encode()) for row in texts] + [1]) for index in range(len(columns))]
    lines = []
    for row in texts:
        line = "".join(t + " " * (w - len(t.encode())) for t, w in zip(row, options["widths"]))
        lines.append(line + rng.choice(["\n", "\r\n"]))
    return "".join(lines)


TEXTS = {"csv": csv_text, "ndjson": ndjson_text, "json": json_text, "xml": xml_text, "fixed": fixed_text}


def arrow_type(column):
    if isinstance(column, Nested):
        return column.arrow()
    return {
        "boolean": pa.bool_(),
        "int": pa.int32(),
        "long": pa.int64(),
        "float": pa.float32(),
        "double": pa.float64(),
        "decimal": pa.decimal128(column.precision, column.scale),
        "date": pa.date32(),
        "time": pa.time64("us"),
        "timestamp": pa.timestamp("us"),
        "timestamptz": pa.timestamp("us", "UTC"),
        "string": pa.string(),
    }[column.kind]


def write_parquet(rng, columns, rows, path):
    arrays = [pa.array([row[index] for row in rows], arrow_type(c)) for index, c in enumerate(columns)]
    pq.write_table(
        pa.table(arrays, names=[c.name for c in columns]),
        path,
        compression=rng.choice(["none", "snappy", "zstd", "gzip"]),
        use_dictionary=rng.random() < 0.5,
        data_page_version=rng.choice(["1.0", "2.0"]),
        version=rng.choice(["1.0", "2.4", "2.6"]),
        row_group_size=rng.choice([7, 1000]),
        data_page_size=rng.choice([64, 1 << 20]),
        store_decimal_as_integer=rng.random() < 0.5,
    )


def contract(fmt, columns, options):
    delimiter = {"csv": options.get("delimiter"), "ndjson": "new_line", "json": "array"}.get(fmt)
    server = {"server": "raw", "type": "s3", "location": "s3://{raw}/peers/*", "format": "json" if "json" in fmt else fmt}
    if delimiter:
        server["delimiter"] = delimiter
    own = {"encoding": options["encoding"], "trim": fmt == "fixed"}
    if fmt == "csv":
        own["nulls"] = [NULL]
    if fmt == "xml":
        own["row"] = "row"
    if fmt == "parquet":
        del own["encoding"]
    properties, start = [], 1
    for index, column in enumerate(columns):
        if isinstance(column, Nested):
            properties.append(column.property())
            continue
        entry = {
            "name": column.name,
            "logicalType": KINDS[column.kind][0],
            "physicalType": column.physical(),
            "required": not column.optional and column.kind != "string",
        }
        if fmt == "fixed":
            width = options["widths"][index]
            entry["customProperties"] = [{"property": "watershed", "value": {"start": start, "width": width}}]
            start += width
        properties.append(entry)
    schema = {"name": "peers", "customProperties": [{"property": "watershed", "value": own}], "properties": properties}
    head = {"version": "1.0.0", "kind": "DataContract", "apiVersion": "v3.1.0", "id": "peers", "status": "active", "domain": "test"}
    # JSON is YAML.
    return json.dumps({**head, "servers": [server], "schema": [schema]})


def body_of(path, file):
    with open(path, "rb") as source:
        body = source.read()
    body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    return body.decode(file["options"]["encoding"])


def strings(rows, columns):
    return pa.table({c["name"]: pa.array([row.get(c["name"]) for row in rows], pa.string()) for c in columns})


def relation(db, path, file):
    """Makes `source`: the file as DuckDB or Python read it. True where all its columns are text."""
    fmt, columns, options = file["format"], file["columns"], file["options"]
    db.execute("DROP VIEW IF EXISTS source")
    if file["counted_as"] == "parquet-nested":
        # pyarrow cannot read every nested file that it writes: "Column 2 named n0 expected length 1 but got length 0".
        db.execute(f"CREATE OR REPLACE TEMP VIEW source AS SELECT * FROM read_parquet({literal(path)})")
        return False
    if fmt == "parquet":
        db.register("source", pq.read_table(path))
        return False
    text = body_of(path, file)
    if fmt == "xml":
        rows = [{e.tag: e.text or "" for e in row} for row in xml.etree.ElementTree.fromstring(text).iter("row")]
        db.register("source", strings(rows, columns))
        return True
    if fmt == "fixed":
        rows = []
        for line in text.splitlines():
            at, row = 0, {}
            for column, width in zip(columns, options["widths"]):
                row[column["name"]] = line.encode()[at : at + width].decode().strip()
                at += width
            rows.append(row)
        db.register("source", strings(rows, columns))
        return True
    if "json" in fmt and any(c["kind"] == "decimal" for c in columns):
        # DuckDB reads numbers of JSON by way of double.
        texts = text.splitlines() if fmt == "ndjson" else [text]
        found = [json.loads(part, parse_float=str, parse_int=str) for part in texts]
        rows = found if fmt == "ndjson" else found[0]
        words = {True: "true", False: "false"}
        db.register("source", strings([{k: words.get(v, v) for k, v in row.items()} for row in rows], columns))
        return True
    plain = path + ".text"
    with open(plain, "w", encoding="utf-8", newline="") as out:
        out.write(text)
    if fmt == "csv":
        db.execute(
            "CREATE OR REPLACE TEMP VIEW source AS SELECT * FROM read_csv(?, all_varchar = true, header = true, delim = ?, "
            "quote = '\"', escape = '\"', nullstr = ?, auto_detect = false, columns = ?)".replace("?", "{}").format(
                *map(literal, [plain, options["delimiter"], NULL]), literal({c["name"]: "VARCHAR" for c in columns})
            )
        )
        return True
    types = {c["name"]: "VARCHAR" if c["kind"] in TEMPORAL else c.get("read_as", c["duckdb"]) for c in columns}
    shape = "newline_delimited" if fmt == "ndjson" else "array"
    db.execute(
        f"CREATE OR REPLACE TEMP VIEW source AS SELECT * FROM read_json({literal(plain)}, format = '{shape}', columns = {literal(types)})"
    )
    return False


def literal(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    return "'" + value.replace("'", "''") + "'"


def compared(db, path, file):
    """Rows, and what differs (none: nothing)."""
    is_text = relation(db, path, file)
    columns = file["columns"]

    def cast(column):
        name = column["name"]
        value = f"NULLIF({name}, '')" if is_text and column["kind"] != "string" else name
        return f"CAST({value} AS {column['duckdb']}) AS {name}"

    db.execute(f"CREATE OR REPLACE TEMP TABLE wanted AS SELECT {', '.join(map(cast, columns))} FROM source")
    rows = db.execute("SELECT count(*) FROM wanted").fetchone()[0]
    if not os.path.exists(path + ".parquet"):
        return rows, None if rows == 0 else "there is no data file"
    found = f"read_parquet({literal(path + '.parquet')})"
    types = {name: kind for name, kind, *_ in db.execute(f"DESCRIBE SELECT * FROM {found}").fetchall()}
    wrong = [f"{c['name']} is {types.get(c['name'])}, not {c['duckdb']}" for c in columns if types.get(c["name"]) != c["duckdb"]]
    if wrong:
        return rows, "; ".join(wrong)
    names = ", ".join(c["name"] for c in columns)
    for left, right, what in [("wanted", found, "missing"), (found, "wanted", "too many")]:
        odd = f"SELECT {names} FROM {left} EXCEPT ALL SELECT {names} FROM {right}"
        odd = db.execute(f"SELECT COLUMNS(*)::VARCHAR FROM ({odd})").fetchall()
        if odd:
            return rows, f"{len(odd)} rows {what}: {odd[0]!r:.500}"
    return rows, None


def compare(folder):
    with open(os.path.join(folder, "files.json"), encoding="utf-8") as source:
        files = json.load(source)
    counts = {fmt: {"files": 0, "rows": 0} for fmt in FORMATS}
    different = []
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for file in files:
        try:
            rows, wrong = compared(db, os.path.join(folder, file["name"]), file)
        except duckdb.Error as error:
            rows, wrong = 0, f"DuckDB: {error}"
        counts[file["counted_as"]]["files"] += 1
        counts[file["counted_as"]]["rows"] += rows
        if wrong:
            different.append(f"{file['name']}: {wrong}")
    json.dump({"compared": counts, "different": different}, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        compare(sys.argv[2])
