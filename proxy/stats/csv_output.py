"""The statistics as comma-separated values: "show stat" and the page's `;csv`.

Source: HAProxy management guide, section 9.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxy.stats.fields import MODULE_FIELDS, STATIC_FIELDS
from proxy.stats.readings import Value
from proxy.stats.snapshot import Row

_STATIC = len(STATIC_FIELDS)
HEADER = f"# {','.join(entry.name for entry in (*STATIC_FIELDS,))},-,{','.join(entry.name for entry in MODULE_FIELDS)},\n"


def csv_text(value: Value) -> str:
    """A value as it stands between two commas; quoted only where it must be."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value.replace("\r", " ").replace("\n", " ")
        return '"' + text.replace('"', '""') + '"' if '"' in text or "," in text else text
    return str(value)


def csv_line(row: Row) -> str:
    texts = list(map(csv_text, row.values))
    return f"{','.join(texts[:_STATIC])},-,{','.join(texts[_STATIC:])},\n"


def csv_chunks(batches: Iterable[list[Row]]) -> Iterator[bytes]:
    """The whole document, some rows at a time."""
    yield HEADER.encode()
    for rows in batches:
        yield "".join(map(csv_line, rows)).encode("utf-8", "surrogateescape")
