"""What a proxy counts, as pyproxy and HAProxy write it: one row for each frontend, backend and server.

Source: HAProxy management guide, "9.1. CSV format".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator


def rows(answer: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV answer by the names of their columns; what is no CSV has none."""
    reader = csv.reader(io.StringIO(answer.lstrip("\n").removeprefix("# ")))
    try:
        header = next(reader, [])
        if not {"pxname", "svname", "status"} <= set(header):
            return
        for row in reader:
            if len(row) >= len(header) - 1:         # lines end with a comma, and not every version counts it
                yield dict(zip(header, row, strict=False))
    except csv.Error:
        return


def state_of(answer: str, backend: str) -> str:
    """What the rows say of `backend` or `backend/server`; "" when it is not there."""
    proxy, _, server = backend.partition("/")
    for row in rows(answer):
        if row["pxname"] == proxy and row["svname"] == (server or "BACKEND"):
            return row["status"]
    return ""
