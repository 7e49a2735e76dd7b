"""A head that comes in many pieces: it is read anew when that may lead somewhere, not with every piece.

Reading looks at all that has come. A head in 6,000 pieces would be looked at 6,000 times; here each piece is looked at once, for
what the readers would act on: the end of the head, the first line's end, octets that no head may hold, a size that is too large.

Law: as long as `add` gives None, reading all that has come would give None too.
"""

from __future__ import annotations

import re

from proxy.core.http1.tables import END_OF_HEAD

ALWAYS_READ = 32            # octets up to which every piece is told: empty lines first, the first word of a status line
OVERLAP = len(END_OF_HEAD) - 1
TELLING = re.compile(rb"\r\n\r\n|\x00|\r[^\n]|(?<!\r)\n")
"""The end of a head, NUL, half a line end. A CR in last place may still be a line end's."""


class Unfinished:
    """What has come of a head, `line_max` and `head_max` being the sizes at which its reader gives up.

    `len()` counts the octets.
    """

    __slots__ = ("_has_line", "_head_max", "_line_max", "_octets")

    def __init__(self, octets: bytes, line_max: int, head_max: int) -> None:
        self._octets = bytearray(octets)
        self._has_line = b"\n" in octets.lstrip(b"\r\n")
        self._line_max = line_max
        self._head_max = head_max

    def __len__(self) -> int:
        return len(self._octets)

    def add(self, more: bytes) -> bytes | None:
        """All octets, where it is time to read them; None where more are needed."""
        octets = self._octets
        known = len(octets)
        octets += more
        if (
            len(octets) <= ALWAYS_READ
            or (not self._has_line and b"\n" in more)
            or len(octets) >= (self._head_max if self._has_line else self._line_max)
            or TELLING.search(octets, max(0, known - OVERLAP))
        ):
            return bytes(octets)
        return None
