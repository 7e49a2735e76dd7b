"""What a client sent, made harmless for a log.

Source: HAProxy configuration manual, section 8.6: octets outside 32..126, "#" and the quote become "#XX", in captured headers
"{", "|" and "}" too.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

_PRINTABLE = bytes(range(32, 127))
IN_REQUEST = _PRINTABLE.translate(None, b'"#')          # what may stand in a request line as it is
IN_HEADER = IN_REQUEST.translate(None, b"{|}")          # and in a captured header

_NOT_IN_REQUEST = re.compile(rb"[^ !$-~]")
_NOT_IN_HEADER = re.compile(rb"[^ !$-z~]")
_UNPRINTABLE = re.compile(rb"[^ -~]")
_TO_BACKSLASH = re.compile(rb'["\\\]]')


def _as_hexadecimal(match: re.Match[bytes]) -> bytes:
    return b"#%02X" % match.group()[0]


def request_text(text: bytes) -> bytes:
    """For request lines and their parts."""
    if text.translate(None, IN_REQUEST):
        return _NOT_IN_REQUEST.sub(_as_hexadecimal, text)
    return text


def header_text(text: bytes) -> bytes:
    """For the value of a captured header."""
    if text.translate(None, IN_HEADER):
        return _NOT_IN_HEADER.sub(_as_hexadecimal, text)
    return text


def header_texts(values: list[bytes | None], separator: bytes) -> bytes:
    """For the values of several captured headers; one that is missing is empty."""
    return separator.join([header_text(value) if value else b"" for value in values])


def printable_text(text: bytes) -> bytes:
    """For captured cookies and unique ids: HAProxy 2.6 logs these as they came; control octets are made harmless here."""
    if text.translate(None, _PRINTABLE):
        return _UNPRINTABLE.sub(_as_hexadecimal, text)
    return text


def backslashed(text: bytes) -> bytes:
    """The flag E: a backslash before a quote, a backslash and a closing bracket. Source: RFC 5424 §6.3.3."""
    return _TO_BACKSLASH.sub(rb"\\\g<0>", text)


def hexadecimal_address(address: str) -> bytes:
    """The flag X on an address: 8 digits for IPv4, 32 for IPv6, anything else (nothing, "unix") as it is."""
    try:
        packed = ip_address(address).packed
    except ValueError:
        return address.encode()
    return packed.hex().upper().encode()
