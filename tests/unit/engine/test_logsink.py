"""The sink: selection, envelopes, levels and lengths together, over a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.base.log_format_text import HTTPLOG, parse_log_format
from proxy.base.syslog import FACILITY_NUMBERS, LEVEL_NUMBERS
from proxy.core.logformat import DEFAULT_HTTP
from proxy.core.logformat.dates import Dates
from proxy.engine.log_outlets import Outlets
from proxy.engine.logsink import LogSink, compile_unique_ids
from proxy.runtime.frontend import Frontend, Listener, UniqueId
from proxy.runtime.log_plan import LogDestination, LogPlan
from tests.unit.core.logformat.sample_records import bad_request, record

LINE = '127.0.0.1:38782 [22/Nov/2026:06:54:51.068] web app/s1 0/0/0/0/0 200 167 - - ---- 0/0/0/0/0 0/0 "GET / HTTP/1.1"'


class StoppedClock:
    """23 November 2026, 19:17:02.35 UTC."""

    def monotonic_ms(self) -> int:
        return 0

    def wall_s(self) -> float:
        return 1795461422.35


class Daemon:
    """A syslog daemon, and sinks that send to it."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.outlets = Outlets()

    def destination(self, **facts: Any) -> LogDestination:
        address = Address(Family.IPV4, "127.0.0.1", self.socket.getsockname()[1])
        words = {"level": "debug", "minlevel": "emerg", **{k: facts.pop(k) for k in ("level", "minlevel") if k in facts}}
        return LogDestination(**{"address": address, "facility": FACILITY_NUMBERS["local0"], "length": 1024, "format": "",
                                 **{name: LEVEL_NUMBERS[word] for name, word in words.items()}, **facts})

    def sink(self, *destinations: LogDestination, text: str = HTTPLOG, error: str | None = None, **facts: Any) -> LogSink:
        plan = LogPlan(
            destinations or (self.destination(format="short"),), parse_log_format(text, http=True).items,
            None if error is None else parse_log_format(error, http=True).items, **facts)
        return LogSink(plan, StoppedClock(), 77, self.outlets, Dates())

    def received(self, count: int) -> list[str]:
        """So many datagrams, and proof that no more came: a mark sent to oneself is next."""
        lines = [self.socket.recv(70000).decode() for _ in range(count)]
        self.socket.sendto(b"mark", self.socket.getsockname())
        assert self.socket.recv(70000) == b"mark"
        return lines


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.outlets.close()
    made.socket.close()


def test_a_stream_becomes_a_line(daemon: Daemon) -> None:
    daemon.sink(daemon.destination()).record(record())
    assert daemon.received(1) == [f"<134>Nov 23 19:17:02 haproxy[77]: {LINE}\n"]


def test_every_target_gets_its_own_envelope(daemon: Daemon) -> None:
    daemon.sink(daemon.destination(format="raw"), daemon.destination(format="priority", facility=3),
                tag="lb", sent_hostname="vm").record(record())
    assert daemon.received(2) == [LINE + "\n", f"<30>{LINE}\n"]


def test_levels_filter_and_cap(daemon: Daemon) -> None:
    sink = daemon.sink(*(daemon.destination(format="short", level=level, minlevel=least) for level, least in
                         (("notice", "emerg"), ("info", "emerg"), ("debug", "warning"), ("err", "debug"))))
    sink.record(record())
    assert [line[:3] for line in daemon.received(2)] == ["<6>", "<6>"]
    sink.event("alert", "Server app/s1 is DOWN.")
    assert daemon.received(4) == [f"<{level}>Server app/s1 is DOWN.\n" for level in (1, 1, 4, 7)]


@pytest.mark.parametrize(("name", "length"), [("local", 81), ("rfc5424", 81), ("short", 81), ("raw", 80)])
def test_len_counts_as_in_haproxy(daemon: Daemon, name: str, length: int) -> None:
    sink = daemon.sink(daemon.destination(format=name, length=80))
    sink.record(record())
    sink.event("info", "x" * 200)
    for line in daemon.received(2):
        assert len(line) == length
        assert line.endswith("\n")


def test_raw_has_room_for_the_end_of_line_where_another_target_is_longer(daemon: Daemon) -> None:
    sink = daemon.sink(daemon.destination(format="raw", length=80), daemon.destination(length=100))
    sink.event("info", "x" * 200)
    assert sorted(map(len, daemon.received(2))) == [81, 101]


def test_len_of_a_descriptor_includes_the_end_of_line(daemon: Daemon) -> None:
    reading, writing = os.pipe()
    daemon.sink(daemon.destination(address=Address(Family.DESCRIPTOR, str(writing)), length=80)).record(record())
    assert len(os.read(reading, 1000)) == 80
    os.close(reading)
    os.close(writing)


def test_options_of_the_frontend_decide(daemon: Daemon) -> None:
    sink, normal, failed = daemon.sink(), record(), record(status=503, termination=b"SC--")
    for made in (normal, failed):
        made.frontend.dontlog_normal = made.frontend.log_separate_errors = True
        sink.record(made)
    [line] = daemon.received(1)
    assert line.startswith("<3>127.0.0.1:38782 ")
    assert "SC--" in line
    assert (normal.frontend.log_count, failed.frontend.log_count) == (0, 1)


def test_lines_of_a_frontend_are_counted_from_nought(daemon: Daemon) -> None:
    sink, made = daemon.sink(text="%lc"), record()
    for _ in range(3):
        sink.record(made)
    assert daemon.received(3) == ["<6>0\n", "<6>1\n", "<6>2\n"]


def test_the_default_line_is_written_for_every_stream_but_not_for_what_was_none(daemon: Daemon) -> None:
    sink = daemon.sink(text=DEFAULT_HTTP, is_default=True)
    made = record(octets_in=0)
    made.frontend.dontlog_normal = made.frontend.dontlognull = made.frontend.log_separate_errors = True
    assert sink.early
    sink.record(made)
    sink.record(bad_request())
    sink.refusal(bad_request(), "not a PROXY header")
    assert daemon.received(1) == ["<6>Connect from 127.0.0.1:38782 to 127.0.0.2:80 (web/HTTP)\n"]


def test_the_error_format_is_for_what_was_no_request(daemon: Daemon) -> None:
    sink = daemon.sink(error="ERR %ci %r %ST %ts")
    assert not sink.early
    sink.record(record())
    sink.record(record(status=503, termination=b"SC--"))
    sink.record(bad_request())
    lines = daemon.received(3)
    assert [line.startswith("<6>ERR") for line in lines] == [False, False, True]
    assert lines[2] == "<6>ERR 127.0.0.1 <BADREQ> 400 PR\n"


@pytest.mark.parametrize(("name", "shown"), [("", "1"), ("NN", "NN")])
def test_a_connection_that_was_refused(daemon: Daemon, name: str, shown: str) -> None:
    made = bad_request(octets_in=5)
    made.listener = Listener(made.frontend, 1, Address(Family.IPV4, "127.0.0.1", 80))
    made.listener.name = name
    cause = "Received something which does not look like a PROXY protocol header"
    daemon.sink().refusal(made, cause)
    assert daemon.received(1) == [f"<6>127.0.0.1:38782 [22/Nov/2026:06:54:51.068] web/{shown}: {cause}\n"]
    made.frontend.log_separate_errors = True
    daemon.sink(error="E %ci").refusal(made, cause)
    assert daemon.received(1) == ["<3>E 127.0.0.1\n"]
    made.frontend.dontlognull, made.octets_in = True, 0
    daemon.sink().refusal(made, cause)
    assert daemon.received(0) == []


def test_a_worker_writes_its_own_process_id(daemon: Daemon) -> None:
    sink = daemon.sink(daemon.destination(), text="%pid")
    sink.record(record())
    sink.set_pid(78)
    sink.record(record())
    assert [line[line.index("haproxy") :] for line in daemon.received(2)] == ["haproxy[77]: 77\n", "haproxy[78]: 78\n"]


def test_a_target_that_is_gone_costs_a_counter(daemon: Daemon) -> None:
    gone = daemon.destination(address=Address(Family.UNIX, "/nonexistent/log"))
    sink = daemon.sink(gone, daemon.destination(format="raw"), gone)
    other = daemon.sink(gone)
    sink.record(record())
    other.record(record())
    assert daemon.received(1) == [LINE + "\n"]
    assert (sink.dropped, daemon.outlets.dropped) == (3, 3)
    daemon.outlets.close()
    sink.record(record())


def test_text_of_events_may_be_any_text(daemon: Daemon) -> None:
    daemon.sink().event("notice", "Server été/s1 is UP.")
    assert daemon.received(1) == ["<5>Server été/s1 is UP.\n"]


def test_unique_identifiers_are_compiled_where_they_are_asked_for() -> None:
    without, made = Frontend("other", 2), record()
    made.frontend.unique_id = UniqueId(parse_log_format("%{+X}o %ci:%cp_%pid", http=True).items, b"x-unique-id")
    compile_unique_ids([without, made.frontend], 0x790A)
    assert made.frontend.unique_id.format.line(made) == b"7F000001:977E_790A"
    assert without.unique_id is None
