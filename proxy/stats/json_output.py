"""The statistics as JSON: "show stat json" and the page's `;json`, with the schema of both.

Source: HAProxy management guide, "show stat" and "show schema json".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from proxy.stats.fields import FIELDS
from proxy.stats.readings import Kind
from proxy.stats.snapshot import Row

ORIGIN = {"M": "Metric", "S": "Status", "K": "Key", "C": "Config", "P": "Product"}
NATURE = {
    "A": "Age", "a": "Avg", "C": "Counter", "D": "Duration", "G": "Gauge", "L": "Limit", "M": "Max", "m": "Min", "N": "Name",
    "O": "Output", "R": "Rate", "T": "Time",
}
SCOPE = {"C": "Cluster", "P": "Process", "S": "Service", "s": "System"}


def field_json(number: int, name: str, tags: str, type_: str) -> str:
    """What JSON says of a field before its value, from "field" to the type, the value's own quotes and braces open."""
    origin, nature, scope = ORIGIN[tags[0]], NATURE[tags[1]], SCOPE[tags[2]]
    return (
        f'"field":{{"pos":{number},"name":{json.dumps(name)}}},"processNum":1,'
        f'"tags":{{"origin":"{origin}","nature":"{nature}","scope":"{scope}"}},"value":{{"type":"{type_}","value":'
    )


_MIDDLES = {
    kind: [field_json(number, entry.name, entry.tags_for(kind), entry.type) for number, entry in enumerate(FIELDS)]
    for kind in Kind
}


def json_row(row: Row) -> str:
    """One inner array: every field of a row that applies."""
    start = f'{{"objType":"{row.kind.word}","proxyId":{row.iid},"id":{row.sid},'
    return "[" + ",".join(
        f"{start}{middle}{json.dumps(value) if isinstance(value, str) else value}}}}}"
        for middle, value in zip(_MIDDLES[row.kind], row.values, strict=True) if value is not None
    ) + "]"


def json_chunks(batches: Iterable[list[Row]]) -> Iterator[bytes]:
    """The whole document, some rows at a time."""
    opening = "["
    for rows in batches:
        yield (opening + ",".join(map(json_row, rows))).encode()
        opening = ","
    yield b"]" if opening == "," else b"[]"


def _typed(type_: str, minimum: int, maximum: int) -> dict[str, Any]:
    value = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return {"properties": {"type": {"type": "string", "enum": [type_]}, "value": value}, "required": ["type", "value"]}


def _schema() -> dict[str, Any]:
    refs = {name: {"$ref": f"#/definitions/{name}"} for name in ("field", "processNum", "tags")}
    value = {"$ref": "#/definitions/typedValue"}
    safe = 2**53 - 1                            # the integers that every JSON reader keeps exact
    natural = {"type": "integer", "minimum": 0}
    kinds = [*(kind.word for kind in (Kind.FRONTEND, Kind.BACKEND, Kind.LISTENER, Kind.SERVER)), "Unknown"]
    item = {**refs, "value": value}
    values = {
        "s32Value": _typed("s32", -(2**31), 2**31 - 1), "s64Value": _typed("s64", -safe, safe),
        "u32Value": _typed("u32", 0, 2**32 - 1), "u64Value": _typed("u64", 0, safe),
        "strValue": {"properties": {"type": {"type": "string", "enum": ["str"]}, "value": {"type": "string"}},
                     "required": ["type", "value"]},
    }
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "oneOf": [
            {"title": "Info", "type": "array",
             "items": {"title": "InfoItem", "type": "object", "properties": item, "required": list(item)}},
            {"title": "Stat", "type": "array", "items": {"title": "StatRow", "type": "array", "items": {
                "title": "StatItem", "type": "object",
                "properties": {"objType": {"enum": kinds}, "proxyId": natural, "id": natural, **item},
                "required": ["objType", "proxyId", "id", *item]}}},
            {"title": "Error", "type": "object", "properties": {"errorStr": {"type": "string"}}, "required": ["errorStr"]},
        ],
        "definitions": {
            "field": {"type": "object", "properties": {"pos": natural, "name": {"type": "string"}}, "required": ["pos", "name"]},
            "processNum": {"type": "integer", "minimum": 1},
            "tags": {"type": "object", "properties": {
                "origin": {"type": "string", "enum": [*ORIGIN.values(), "Unknown"]},
                "nature": {"type": "string", "enum": [*NATURE.values(), "Unknown"]},
                "scope": {"type": "string", "enum": [*SCOPE.values(), "Unknown"]}}, "required": ["origin", "nature", "scope"]},
            "typedValue": {"type": "object", "definitions": values,
                           "oneOf": [{"$ref": f"#/definitions/typedValue/definitions/{name}"} for name in values]},
        },
    }


SCHEMA: bytes = json.dumps(_schema(), separators=(",", ":")).encode()
