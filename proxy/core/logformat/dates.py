"""Dates as logs write them, made once per second and looked up after that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_KEPT = 64


def no_offset(second: int) -> int:
    """The offset of UTC."""
    return 0


def milliseconds(wall_s: float) -> int:
    """Whole milliseconds since the epoch, not one less where a float fell just short of them."""
    return int(wall_s * 1000 + 0.0005)


def offset_text(offset_s: int, separator: bytes = b"") -> bytes:
    """An offset from UTC as "+0530", or "+05:30" with a separator."""
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    return b"%b%02d%b%02d" % (b"-" if offset_s < 0 else b"+", hours, separator, minutes)


class Dates:
    """Seconds since the epoch to the text of a date.

    `utc_offset_s` tells how many seconds local time is ahead of UTC at a given second.
    """

    __slots__ = ("_gmt", "_local", "_with_offset", "utc_offset_s")

    def __init__(self, utc_offset_s: Callable[[int], int] = no_offset) -> None:
        self.utc_offset_s = utc_offset_s
        self._local: dict[int, bytes] = {}
        self._gmt: dict[int, bytes] = {}
        self._with_offset: dict[int, bytes] = {}

    def local_ms(self, wall_s: float) -> bytes:
        """Local time with milliseconds, "22/Nov/2026:06:54:51.068"."""
        second, millisecond = divmod(int(wall_s * 1000 + 0.0005), 1000)
        return b"%b%03d" % (self.local_second(second), millisecond)

    def local_second(self, second: int) -> bytes:
        """Local time up to where the milliseconds follow, "22/Nov/2026:06:54:51."."""
        text = self._local.get(second)
        if text is None:
            text = _remember(self._local, second, _clf(second + self.utc_offset_s(second)) + b".")
        return text

    def gmt(self, wall_s: float) -> bytes:
        """UTC, "22/Nov/2026:06:54:51 +0000"."""
        second = int(wall_s)
        return self._gmt.get(second) or _remember(self._gmt, second, _clf(second) + b" +0000")

    def local(self, wall_s: float) -> bytes:
        """Local time with its offset, "22/Nov/2026:12:24:51 +0530"."""
        second = int(wall_s)
        text = self._with_offset.get(second)
        if text is None:
            offset = self.utc_offset_s(second)
            text = _remember(self._with_offset, second, b"%b %b" % (_clf(second + offset), offset_text(offset)))
        return text


def _clf(second: int) -> bytes:
    at = datetime.fromtimestamp(second, UTC)
    return b"%02d/%b/%04d:%02d:%02d:%02d" % (at.day, MONTHS[at.month - 1], at.year, at.hour, at.minute, at.second)


def _remember(kept: dict[int, bytes], second: int, text: bytes) -> bytes:
    if len(kept) >= _KEPT:
        kept.clear()
    kept[second] = text
    return text
