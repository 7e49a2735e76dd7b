"""Which part of a Cookie field is captured for the log."""

from __future__ import annotations

import pytest

from proxy.core.stream.http_edit import capture_cookie


@pytest.mark.parametrize(("value", "captured"), [
    (b"SID=1", b"SID=1"), (b"a=b; SID=1; c=d", b"SID=1"), (b"a=b;SID=1;", b"SID=1"), (b"a=b; \t SID=1 \t; c", b"SID=1"),
    (b"  SID=1  ", b"SID=1"), (b"SIDE=2; SID=1", b"SIDE=2"), (b"XSID=1", None), (b"a=SID; b", None), (b"a b SID=1", None),
    (b"XSID=1; SID=2", b"SID=2"), (b"SIDSIDSID=1", b"SIDSIDSID"), (b"", None), (b";;SID", b"SID"),
    (b"SID=long enough to cut", b"SID=long "),
])
def test_first_cookie_of_that_name(value: bytes, captured: bytes | None) -> None:
    assert capture_cookie((b"SID", 9), [(b"host", b"SID"), (b"cookie", value)], b"cookie") == captured


def test_the_next_field_is_looked_at_too() -> None:
    fields = [(b"cookie", b"a=b"), (b"cookie", b"SID=1"), (b"cookie", b"SID=2")]
    assert capture_cookie((b"SID", 9), fields, b"cookie") == b"SID=1"
