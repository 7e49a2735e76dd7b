"""The octets of the shared cases of HTTP/1, to begin with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "corpus" / "http1"
LONGEST = 1500


def _octets(raw: str | list[Any]) -> bytes:
    parts = [raw] if isinstance(raw, str) else raw
    return b"".join(
        part.encode("latin-1") if isinstance(part, str) else part["repeat"].encode("latin-1") * part["times"]
        for part in parts if isinstance(part, str) or "repeat" in part)


def _cases(name: str) -> list[bytes]:
    found = (_octets(case["raw"]) for case in json.loads((FOLDER / name).read_text()))
    return [octets for octets in found if len(octets) <= LONGEST]


REQUESTS, RESPONSES = _cases("requests.json"), _cases("responses.json")
