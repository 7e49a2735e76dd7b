"""Texts of log-format: a format or a LogFormatError that names a place; what a client sends never breaks a line.

A text may end in a NUL and the octets that a client has sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxy.base.log_format_text import CLF, HTTPLOG, HTTPSLOG, TCPLOG, VARIABLES, LogFormatError, parse_log_format
from proxy.core.logformat import Site, compile_items, template_line
from tests.unit.core.logformat.sample_records import record

LONGEST = 800
WORDS = (*(b"%" + name.encode() for name in sorted(VARIABLES)), b"%{+Q}", b"%{-Q,+X}", b"%{+E}o", b"%%", b"%[", b"%(", b"\x00")


def seeds() -> Iterable[bytes]:
    for text in (HTTPLOG, TCPLOG, HTTPSLOG, CLF):
        yield text.encode() + b"\x00GET\r\n\xff\"]|"
    yield b"%{+Q}o %{-Q}ci %[src] %(name)ci"
    yield b"\x5b%{+E}HU\x5d \\[ %hr%hs %CC %CS\x00\"]\\"
    yield b"%{+X}ci:%{+X,-Q}cp  %%  %pid"


def check(octets: bytes) -> None:
    octets, _, sent = octets.partition(b"\x00")
    text = octets.decode("utf-8", "surrogateescape")
    for http in (True, False):
        try:
            parsed = parse_log_format(text, http=http)
        except LogFormatError as error:
            assert 0 <= error.position <= len(text)
            assert error.message
            continue
        lines = [compile_items(parsed.items, Site(hostname="vm")).line, template_line(parsed.items, Site(hostname="vm"))]
        for made in (
            record(),
            record(target=sent, method=sent, version=sent, unique_id=sent, captured_request_cookie=sent,
                   captured_response_cookie=sent, captured_request_headers=[sent, None], captured_response_headers=[sent]),
            record(server=None, backend=None, server_name="<NOSRV>", status=-1, bad_request=True, request_ms=-1, queue_ms=-1,
                   connect_ms=-1, response_ms=-1, data_ms=-1, target=sent, client_address="unix"),
        ):
            told = [line(made) for line in lines]
            assert told[0] == told[1]
            if all(" " <= letter <= "~" for letter in text):
                assert all(32 <= octet <= 126 for octet in told[0]), told[0]
