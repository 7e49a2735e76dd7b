"""The spelled-out lines against the compiled formats, and what no client can make a log line do."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.base.log_format_text import CLF, HTTPLOG, TCPLOG, VARIABLES, parse_log_format
from proxy.core.logformat import Site, compile_items, template_line
from proxy.runtime.log import LogRecord
from tests.unit.core.logformat.sample_records import record

TIME_MS = st.integers(-1, 100_000)
COUNT = st.integers(0, 5000)
OCTETS = st.binary(max_size=40)
CAPTURES = st.none() | st.lists(st.none() | OCTETS, max_size=3)
FACTS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("request_ms", "queue_ms", "connect_ms", "response_ms", "data_ms", "idle_ms"), TIME_MS),
    **dict.fromkeys(("process_connections", "frontend_connections", "backend_connections", "server_connections", "retries",
                     "server_queue", "backend_queue", "active_ms", "total_ms", "octets_in", "octets_out", "client_port"), COUNT),
    **dict.fromkeys(("logasap", "redispatched", "is_tls", "bad_request"), st.booleans()),
    **dict.fromkeys(("captured_request_headers", "captured_response_headers"), CAPTURES),
    **dict.fromkeys(("captured_request_cookie", "captured_response_cookie"), st.none() | OCTETS),
    "method": OCTETS, "target": OCTETS, "version": OCTETS, "unique_id": OCTETS,
    "status": st.integers(-1, 999),
    "client_address": st.sampled_from(["", "127.0.0.1", "2001:db8::1", "unix"]),
    "termination": st.sampled_from([b"----", b"CD--", b"sHVN"]),
    "request_wall_s": st.floats(0, 4_000_000_000),
}
RECORDS = st.fixed_dictionaries({}, optional=FACTS).map(lambda facts: record(**facts))
NAMES = st.sampled_from(["", "<STATS>"])
WITHOUT_SERVER = st.fixed_dictionaries({"server": st.none(), "backend": st.none(), "server_name": NAMES})


@given(RECORDS | WITHOUT_SERVER.map(lambda facts: record(**facts)), st.sampled_from([24, 60, 1024]))
def test_spelled_out_lines_are_the_compiled_ones(made: LogRecord, logurilen: int) -> None:
    site = Site(logurilen=logurilen)
    for text in (HTTPLOG, TCPLOG):
        items = parse_log_format(text, http=True).items
        ready, compiled = compile_items(items, site).line, template_line(items, site)
        assert "template_line" in repr(compiled)
        assert "template_line" not in repr(ready)
        assert ready(made) == compiled(made)


FLAGS = st.sampled_from(["", "{+Q}", "{+X}", "{+E}", "{+Q,+E}"])
VARIABLE = st.tuples(FLAGS, st.sampled_from(sorted(VARIABLES))).map(lambda word: "%" + "".join(word))
WORDS = VARIABLE | st.sampled_from(["a", "[", "]"])


@given(RECORDS, st.lists(WORDS, max_size=8))
def test_a_line_is_printable_and_has_no_two_separators(made: LogRecord, words: list[str]) -> None:
    for text in (" ".join(words), CLF):
        line = template_line(parse_log_format(text, http=True).items, Site(hostname="vm"))(made)
        assert all(32 <= octet <= 126 for octet in line)
    without_captures = record(captured_request_headers=None, captured_response_headers=None, target=b"/?")
    text = " ".join(word for word in words if word != "%HQ")
    assert b"  " not in template_line(parse_log_format(text, http=True).items, Site(hostname="vm"))(without_captures)
