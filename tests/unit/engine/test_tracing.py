"""What `-d` says of a client's connection: all but the credentials."""

from __future__ import annotations

import pytest

from proxy.core.stream.opening import limits_of
from proxy.engine.tracing import Trace


@pytest.mark.parametrize(("field", "shown"), [
    ("Authorization: Basic YWRtaW46aHVudGVyMg==", "authorization: Basic ***"),
    ("Proxy-Authorization: Bearer x.y.z", "proxy-authorization: Bearer ***"),
    ("authorization:secret", "authorization: ***"), ("AUTHORIZATION:  Digest a=b, c=d ", "authorization: Digest ***"),
    ("Cookie: SRV=c1", "cookie: SRV=c1"), ("X-Authorization: x", "x-authorization: x"),
])
def test_credentials_are_not_told(field: str, shown: str) -> None:
    lines: list[str] = []
    trace = Trace(lines.append, lambda: 1, limits_of(16384, 1024, 101))
    trace.received(f"GET / HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n".encode())
    assert lines[-1].endswith(f".clihdr[ffffffff:ffffffff]: {shown}")
