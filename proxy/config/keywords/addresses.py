"""Addresses as arguments: parsed, with the environment variables that HAProxy expands in them whether quoted or not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from proxy.base.address_text import AddressError, parse_addresses, parse_log_address, parse_server_address
from proxy.base.addresses import Address
from proxy.config.keywords.row import Line, Refusal

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))", re.ASCII)
Parsed = TypeVar("Parsed")


def bind_addresses(line: Line, index: int, what: str) -> list[Address]:
    """The argument as addresses to listen on. Raises: Refusal, `what` leading its text."""
    return _read(
        line, index, what, lambda text: parse_addresses(text, port_zero=line.options.port_zero),
        "for example: 0.0.0.0:80, or :8000-8003",
    )


def server_address(line: Line, index: int, what: str, *, parsing: bool = True) -> Address:
    """The argument as an address to connect to. Raises: Refusal, `what` leading its text."""
    return _read(line, index, what, parse_server_address, "for example: 192.0.2.1:80", parsing=parsing)


def log_address(line: Line, index: int, what: str) -> Address:
    """The argument as a place for log lines. Raises: Refusal, `what` leading its text."""
    return _read(line, index, what, parse_log_address, "for example: 127.0.0.1, /dev/log or stdout")


def _read(
    line: Line, index: int, what: str, parse: Callable[[str], Parsed], hint: str, *, parsing: bool = True
) -> Parsed:
    written = line.text(index)
    missing: list[str] = []

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in line.environment:
            missing.append(name)
        return line.environment.get(name, "")

    text = _VARIABLE.sub(value, written) if "$" in written else written
    try:
        if not text:
            raise AddressError(f"'{written}' resolves to an empty address (environment variable missing?)")
        return parse(text)
    except AddressError as error:
        advice = f"set the environment variable {missing[0]}" if missing else error.hint or hint
        raise Refusal(f"{what} : {error.message}", line.at(index), advice, error.feature, parsing=parsing) from None
