"""Weights as an administrator writes them: "10", or "50%" of the configured one."""

from __future__ import annotations

import re

from proxy.runtime.server import WEIGHT_MAX

_NUMBER = re.compile(r"-?[0-9]{1,10}")


def parse_weight(text: str, configured: int) -> int:
    """The weight meant by the text, 0..256.

    Raises: ValueError with HAProxy's text.
    Source: HAProxy management guide, "set weight".
    """
    if not text:
        raise ValueError("Require <weight> or <weight%>.")
    number = _NUMBER.match(text)
    if not number:
        raise ValueError("Empty weight string empty or preceded by garbage")
    value, rest = int(number[0]), text[number.end():]
    if rest not in ("", "%"):
        raise ValueError("Trailing garbage in weight string")
    if rest:
        if value < 0:
            raise ValueError("Relative weight must be positive.")
        return min(WEIGHT_MAX, configured * value // 100)
    if not 0 <= value <= WEIGHT_MAX:
        raise ValueError("Absolute weight can only be between 0 and 256 inclusive.")
    return value
