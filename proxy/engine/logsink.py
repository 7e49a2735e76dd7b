"""The live end of a log plan: lines formatted, put in their envelopes, sent."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from proxy.base.addresses import Family
from proxy.base.clock import Clock, utc_offset_s
from proxy.base.octets import octets_of
from proxy.base.syslog import INFO, LEVEL_NUMBERS
from proxy.core.logformat import Site, compile_items, selection
from proxy.core.logformat.dates import Dates
from proxy.engine.log_outlets import Outlet, Outlets
from proxy.engine.syslog import Envelope
from proxy.runtime.frontend import Frontend
from proxy.runtime.log import LogRecord
from proxy.runtime.log_plan import LogDestination, LogPlan


def compile_unique_ids(frontends: Iterable[Frontend], pid: int) -> None:
    """Make the frontends' `unique-id-format` live, in the process that will serve.

    Source: HAProxy configuration manual, "unique-id-format".
    """
    site = Site(Dates(utc_offset_s), socket.gethostname(), pid)
    for frontend in frontends:
        if frontend.unique_id is not None:
            frontend.unique_id.format = compile_items(frontend.unique_id.items, site)


class Target:
    """One destination: an envelope and an outlet."""

    __slots__ = ("_send", "envelope", "level", "limit", "minlevel", "outlet")

    def __init__(self, destination: LogDestination, longest: int, envelope: Envelope, outlet: Outlet) -> None:
        self.envelope = envelope
        self.outlet = outlet
        self.level = destination.level
        self.minlevel = destination.minlevel
        # HAProxy counts the end of line in `len` for descriptors, and in the text (all of a `raw` message) of the longest target.
        in_text = envelope.name == "raw" and destination.length == longest
        self.limit = destination.length - (in_text or destination.address.family is Family.DESCRIPTOR)
        self._send = outlet.send

    def send(self, level: int, text: bytes, wall_s: float) -> None:
        """Send a message unless its level is not wanted here."""
        if level > self.level:
            return
        message = self.envelope.head(max(level, self.minlevel), wall_s) + text
        if len(message) > self.limit:
            message = message[: self.limit]
        self._send(message + b"\n", int(wall_s))


class LogSink:
    """A proxy's log (`runtime.log.Log`): formats, selects and sends; never blocks.

    `early` is true where no format was asked for: `record` is then best called when the stream begins.
    Raises: OSError from the constructor when no socket can be made.
    """

    __slots__ = ("_clock", "_error_line", "_line", "_targets", "early", "plan", "site")

    def __init__(self, plan: LogPlan, clock: Clock, pid: int, outlets: Outlets, dates: Dates | None = None) -> None:
        self.plan = plan
        self.early = plan.is_default
        dates = dates or Dates(utc_offset_s)
        self.site = Site(dates, plan.hostname, pid, plan.logurilen)
        self._clock = clock
        self._line = compile_items(plan.items, self.site).line
        self._error_line = compile_items(plan.error_items, self.site).line if plan.error_items is not None else self._line
        longest = max((destination.length for destination in plan.destinations), default=0)
        self._targets = tuple(
            Target(destination, longest,
                   Envelope(destination.format, destination.facility, plan.tag, plan.sent_hostname, pid, dates),
                   outlets.get(destination.address))
            for destination in plan.destinations
        )

    def set_pid(self, pid: int) -> None:
        """Lines are that process's from now on: called in a worker after it was forked."""
        self.site.pid = pid
        for target in self._targets:
            target.envelope.pid = pid
            target.envelope.forget()

    def record(self, record: LogRecord) -> None:
        """Send the line of a stream, if the options of its frontend want it logged."""
        if self.early:
            level: int | None = None if record.bad_request else INFO
        else:
            level = selection.wanted(record, record.frontend)
        if level is not None:
            self._send(level, record, self._error_line(record) if record.bad_request else self._line(record))

    def refusal(self, record: LogRecord, cause: str) -> None:
        """Send the line of a connection that ended before any stream, e.g. for want of a PROXY protocol header.

        Source: HAProxy configuration manual, section 8.2.5; `error-log-format` replaces it, and the default format has none.
        """
        record.is_error = True
        level = None if self.early else selection.wanted(record, record.frontend)
        if level is None:
            return
        if self.plan.error_items is not None:
            text = self._error_line(record)
        else:
            listener = record.listener
            text = b"%b:%d [%b] %b/%b: %b" % (
                record.client_address.encode(), record.client_port, self.site.dates.local_ms(record.accept_wall_s),
                record.frontend.name.encode(), octets_of(listener.label), cause.encode())
        self._send(level, record, text)

    def event(self, level: str, text: str) -> None:
        """Send a line about a state change."""
        wall_s, octets = self._clock.wall_s(), octets_of(text)
        number = LEVEL_NUMBERS[level]
        for target in self._targets:
            target.send(number, octets, wall_s)

    @property
    def dropped(self) -> int:
        """Messages to this sink's targets that could not be sent, those of other sinks with the same targets included."""
        return sum(outlet.dropped for outlet in {id(target.outlet): target.outlet for target in self._targets}.values())

    def _send(self, level: int, record: LogRecord, text: bytes) -> None:
        record.frontend.log_count += 1
        wall_s = self._clock.wall_s()
        for target in self._targets:
            target.send(level, text, wall_s)
