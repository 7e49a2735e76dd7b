"""The statistics with the type and tags of each value: "show stat typed" and the page's `;typed`.

Source: HAProxy management guide, section 9.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxy.stats.fields import FIELDS
from proxy.stats.readings import Kind
from proxy.stats.snapshot import Row

# what never changes in a line, from the field's number to the type
_MIDDLES = {
    kind: [f"{number}.{entry.name}.1:{entry.tags_for(kind)}:{entry.type}:" for number, entry in enumerate(FIELDS)]
    for kind in Kind
}


def typed_lines(row: Row, describe: bool = False) -> str:
    """One line per field that applies; with `describe` each ends with what the field means."""
    start = f"{row.kind.value}.{row.iid}.{row.sid}."
    lines = []
    for entry, middle, value in zip(FIELDS, _MIDDLES[row.kind], row.values, strict=True):
        if value is not None:
            text = value.replace("\r", " ").replace("\n", " ") if isinstance(value, str) else value
            lines.append(f'{start}{middle}{text}:"{entry.description}"\n' if describe else f"{start}{middle}{text}\n")
    return "".join(lines)


def typed_chunks(batches: Iterable[list[Row]], describe: bool = False) -> Iterator[bytes]:
    """The whole document, some rows at a time."""
    for rows in batches:
        yield "".join(typed_lines(row, describe) for row in rows).encode("utf-8", "surrogateescape")
