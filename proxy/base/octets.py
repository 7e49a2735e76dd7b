"""Text of a configuration as the octets it was read from, whatever encoding they are in."""

from __future__ import annotations


def octets_of(text: str) -> bytes:
    """The very octets that `config.source` has read as this text; what is no UTF-8 stands in a text as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")
