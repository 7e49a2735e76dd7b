"""Heads as they come: mostly valid, often about framing, sometimes broken; and what a head says."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from proxy.core.http1.tables import TCHARS

TOKENS = st.lists(st.sampled_from(list(TCHARS)), min_size=1, max_size=12).map(bytes)
TEXTS = st.binary(max_size=20)
SPECIAL_NAMES = st.sampled_from([
    b"Host", b"host", b"Content-Length", b"content-length", b"Transfer-Encoding", b"Connection", b"Upgrade", b"Expect", b"TE",
    b"Trailer", b"Keep-Alive", b"Proxy-Connection", b"Max-Forwards", b"HTTP2-Settings", b"Cookie", b"X-A",
])
SPECIAL_VALUES = st.sampled_from([
    b"a.example", b"a.example:80", b"[::1]", b"a, b", b"", b"0", b"5", b"05", b"5, 5", b"5,6", b"+5", b"18446744073709551616",
    b"chunked", b"Chunked", b"gzip, chunked", b"close", b"keep-alive", b"Upgrade", b"keep-alive, Upgrade", b"x-a, close", b"te",
    b"websocket", b"h2c", b"100-continue", b"trailers", b"a b\tc", b"caf\xe9", b"\xa0x",
])
METHODS = st.one_of(st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE", b"DELETE", b"get"]), TOKENS)
TARGETS = st.one_of(
    st.sampled_from([
        b"/", b"*", b"http://b.example/x?y", b"b.example:443", b"/a#b", b"//x", b"http://u@b/", b"x", b"/\xe9", b"/a|b",
    ]),
    st.binary(max_size=8).map(lambda octets: b"/" + octets),
)
VERSIONS = st.sampled_from([b"HTTP/1.1"] * 8 + [b"HTTP/1.0"] * 3 + [b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1"])
COLONS = st.sampled_from([b": "] * 8 + [b":", b":\t", b":  ", b" : ", b""])
LINE_ENDS = st.sampled_from([b"\r\n"] * 30 + [b" \r\n", b"\t\r\n", b"\n", b"\r\r\n", b"\r\n ", b"\r"])


@st.composite
def field_sections(draw: st.DrawFn) -> bytes:
    """Field lines: mostly valid, often about framing, sometimes broken."""
    out = b""
    if draw(st.integers(0, 9)):
        out += b"Host: a.example\r\n"
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.integers(0, 4))
        name = draw(SPECIAL_NAMES if kind else TOKENS)
        value = draw(SPECIAL_VALUES if kind > 1 else TEXTS)
        out += name + draw(COLONS) + value + draw(LINE_ENDS)
    return out


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    line = draw(METHODS) + b" " + draw(TARGETS) + b" " + draw(VERSIONS) + draw(LINE_ENDS)
    return draw(st.sampled_from([b""] * 6 + [b"\r\n", b"\r\n\r\n", b"\n"])) + line + draw(field_sections()) + b"\r\n"


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    status = draw(st.sampled_from([b"200"] * 4 + [b"100", b"101", b"204", b"304", b"404", b"426", b"599", b"099", b"20"]))
    reason = draw(st.sampled_from([b" OK", b" ", b"", b" Not \xe9", b"  x", b" a\x01b"]))
    return draw(VERSIONS) + b" " + status + reason + draw(LINE_ENDS) + draw(field_sections()) + b"\r\n"


REQUEST_METHODS = st.sampled_from([b"GET", b"HEAD", b"CONNECT", b"POST"])


def facts(head: Any) -> dict[str, Any] | None:
    """What a head says, save its size."""
    return None if head is None else {name: getattr(head, name) for name in head.__slots__ if name != "size"}
