"""Checks OpenLineage run events by the classes that OpenLineage makes of its own JSON schemas: lineage.py < EVENTS, one a line

Nothing is let pass that those do not know: neither a key, nor a facet, nor a value of another type.
"""

import enum
import importlib
import json
import pkgutil
import sys
import types
import typing

import attr
from openlineage.client import generated
from openlineage.client.generated import base


def facets():
    """Every facet by the address of its schema."""
    found = {}
    for module in pkgutil.iter_modules(generated.__path__, f"{generated.__name__}."):
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and issubclass(kind, base.BaseFacet):
                found[kind._get_schema()] = kind
    return found


FACETS = facets()


def build(kind, value, where):
    """The value as one of that type, or an error that says where it is none."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        (kind,) = [argument for argument in arguments if argument is not type(None)]
        return build(kind, value, where)
    if origin is list:
        expect(isinstance(value, list), where, "a list")
        return [build(arguments[0], item, f"{where}[{at}]") for at, item in enumerate(value)]
    if origin is dict:
        expect(isinstance(value, dict), where, "an object")
        return {key: build(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if kind is typing.Any:
        return value
    if attr.has(kind):
        return structured(kind, value, where)
    if issubclass(kind, enum.Enum):
        return kind(value)
    expect(type(value) is kind, where, kind.__name__)
    return value


def structured(kind, value, where):
    expect(isinstance(value, dict), where, "an object")
    value = dict(value)
    if issubclass(kind, base.BaseFacet):
        schema = value.pop("_schemaURL", None)
        facet = FACETS.get(schema)
        expect(facet is not None and issubclass(facet, kind), where, f"a facet that is a {kind.__name__}, not {schema}")
        expect("_producer" in value, where, "a _producer")
        kind = facet
    elif issubclass(kind, base.BaseEvent):
        schema = value.pop("schemaURL", None)
        expect(schema == kind._get_schema(), where, kind._get_schema())
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in attr.fields(kind) if field.init}
    unknown = value.keys() - fields.keys()
    expect(not unknown, where, f"no {sorted(unknown)}")
    made = {fields[key].alias: build(hints[key], item, f"{where}.{key}") for key, item in value.items()}
    try:
        return kind(**made)
    except (TypeError, ValueError) as error:
        raise SystemExit(f"{where}: {error}") from error


def expect(holds, where, what):
    if not holds:
        raise SystemExit(f"{where}: expected {what}")


count = 0
for line in sys.stdin:
    build(base.RunEvent, json.loads(line), f"event {count}")
    count += 1
print(count)
