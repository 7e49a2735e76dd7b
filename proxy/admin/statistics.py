"""Commands about numbers: the process, every proxy and server, in each form that there is; and counting anew.

Source: HAProxy management guide, sections 9.1 to 9.3.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence

from proxy.admin.commands import Answer, Caller, Command
from proxy.admin.messages import ERROR, Message, Refused
from proxy.admin.naming import number_of, word
from proxy.admin.plane import Plane
from proxy.base.clock import Clock
from proxy.runtime.cells import CELL_NAMES, GAUGES
from proxy.runtime.process import Process
from proxy.stats.csv_output import csv_chunks
from proxy.stats.info import LoadMeter, ProcessReading, info_values
from proxy.stats.json_output import SCHEMA, field_json, json_chunks
from proxy.stats.snapshot import Selection, batches
from proxy.stats.typed_output import typed_chunks

DENIED = "Permission denied\n"
_KIND_BITS = ((1, "F"), (2, "B"), (4, "S"), (8, "L"))
PEAKS = tuple(cell for cell, name in enumerate(CELL_NAMES) if name.endswith("_max") or name in ("smax", "qmax"))
_OF_THE_MOMENT = frozenset((
    "rate_at", "rate_now", "rate_prev", "conn_rate_at", "conn_rate_now", "conn_rate_prev", "req_rate_at", "req_rate_now",
    "req_rate_prev", "resting", "error_streak", "cpu_ms", "dropped_logs", "dequeued", "queue_head_ms",
    "h1_open_connections", "h1_open_streams",
))
ALL = tuple(cell for cell, name in enumerate(CELL_NAMES) if cell not in GAUGES and name not in _OF_THE_MOMENT)
"""What has been counted: not what there is now, nor how fast it comes, nor what workers tell each other."""


class StatisticsCommands:
    """Of one process."""

    def __init__(self, process: Process, clock: Clock, plane: Plane, meter: LoadMeter) -> None:
        self._process = process
        self._clock = clock
        self._plane = plane
        self._meter = meter

    def rows(self) -> tuple[Command, ...]:
        """The rows of the table."""
        return (
            Command(("show", "info"), "show info [desc|json|typed|float]*", "report information about the running process",
                    self._info),
            Command(("show", "stat"), "show stat [desc|json|no-maint|typed|up]*", "report counters for each proxy and server",
                    self._stat),
            Command(("show", "schema", "json"), "show schema json", "report schema used for stats",
                    lambda words, caller: SCHEMA.decode()),
            Command(("clear", "counters"), "clear counters [all]", "clear max statistics counters (or all counters)",
                    self._clear, "operator"),
        )

    def _info(self, words: Sequence[str], caller: Caller) -> str:
        values = list(info_values(ProcessReading(self._process, self._clock.monotonic_ms(), self._meter)))
        if "json" in words:
            return "[" + ",".join(
                "{" + field_json(number, entry.name, entry.tags, entry.type)
                + (json.dumps(value) if isinstance(value, str) else str(value)) + "}}"
                for number, entry, value in values
            ) + "]"
        lines = []
        for number, entry, value in values:
            what = f'{value}:"{entry.description}"' if "desc" in words else str(value)
            name = f"{number}.{entry.name}.1:{entry.tags}:{entry.type}:" if "typed" in words else f"{entry.name}: "
            lines.append(f"{name}{what}\n")
        return "".join(lines)

    def _stat(self, words: Sequence[str], caller: Caller) -> Answer:
        iid, kinds, sid = -1, "FBSL", -1
        if len(words) >= 3 and words[0] not in ("typed", "json", "desc", "up", "no-maint"):
            iid, kinds, sid = self._proxy_number(words[0]), _kinds(number_of(words[1])), number_of(words[2])
            words = words[3:]
        selection = Selection(
            iid=iid, kinds=kinds, sid=sid, hide_down="up" in words, hide_maint="no-maint" in words,
            legends=caller.level != "user")
        found = batches(self._process, self._clock.monotonic_ms(), selection)
        chunks: Iterator[bytes] = (
            json_chunks(found) if "json" in words
            else typed_chunks(found, "desc" in words) if "typed" in words
            else csv_chunks(found)
        )
        return _joined(chunks)

    def _proxy_number(self, text: str) -> int:
        """A number, or a proxy's name; a name that there is not finds none."""
        if text.lstrip("-")[:1].isdecimal():
            return number_of(text)
        side = self._process.frontend(text) or self._process.backend(text)
        if side is None:
            raise Refused("No such proxy.\n")
        return side.iid

    def _clear(self, words: Sequence[str], caller: Caller) -> str:
        if word(words, 0) == "all":
            if caller.level != "admin":
                return Message(DENIED, ERROR)
            self._plane.clear(ALL)
        else:
            self._plane.clear(PEAKS)
        return ""


async def _joined(chunks: Iterator[bytes]) -> str:
    """The whole document; between two pieces others have their turn, as one of thousands of servers takes its time."""
    pieces = []
    for piece in chunks:
        pieces.append(piece)
        await asyncio.sleep(0)
    return b"".join(pieces).decode("utf-8", "surrogateescape")


def _kinds(mask: int) -> str:
    """The letters of a sum of 1 (frontends), 2 (backends), 4 (servers) and 8 (listeners); -1 is all of them."""
    return "".join(letter for bit, letter in _KIND_BITS if mask & bit)
