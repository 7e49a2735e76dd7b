"""The envelopes of syslog: what stands before the text of a message, made once per second and level.

Source: HAProxy configuration manual, "log" (format), RFC 3164, RFC 5424; where these leave room, what haproxy 2.6.12 sends.
"""

from __future__ import annotations

from datetime import UTC, datetime

from proxy.base.octets import octets_of
from proxy.core.logformat.dates import MONTHS, Dates, offset_text

# A format to what stands before the text. %(micro)… is filled for each message, the rest once per second.
_PATTERNS: dict[str, bytes] = {
    "local": b"<%(pri)d>%(old)b %(tag)b[%(pid)d]: ",
    "rfc3164": b"<%(pri)d>%(old)b %(host)b %(tag)b[%(pid)d]: ",
    "rfc5424": b"<%(pri)d>1 %(iso)b.%%06d%(offset)b %(host)b %(tag)b %(pid)d - - ",
    "priority": b"<%(pri)d>",
    "short": b"<%(level)d>",
    "timed": b"<%(level)d>%(iso)b.%%06d%(offset)b ",
    "iso": b"%(iso)b.%%06d%(offset)b ",
    "raw": b"",
}
_WITH_MICROSECONDS = frozenset({"rfc5424", "timed", "iso"})
_UNKNOWN_HOST = {"rfc3164": "localhost", "rfc5424": "-"}


class Envelope:
    """The heads of the messages that go to one target.

    `hostname` is what `log-send-hostname` asks for, None when it is off: then `local` leaves it out, `rfc3164` says "localhost"
    and `rfc5424` "-". An empty `name` is HAProxy's default: `local`, or `rfc3164` when the host name is to be sent.
    """

    __slots__ = ("_dates", "_heads", "_host", "_micro", "_pattern", "_second", "_tag", "facility", "name", "pid")

    def __init__(self, name: str, facility: int, tag: str, hostname: str | None, pid: int, dates: Dates) -> None:
        self.name = name or ("local" if hostname is None else "rfc3164")
        self.facility = facility
        self.pid = pid
        self._tag = octets_of(tag)
        self._host = octets_of(_UNKNOWN_HOST.get(self.name, "") if hostname is None else hostname)
        self._pattern = _PATTERNS[self.name]
        self._micro = self.name in _WITH_MICROSECONDS
        self._dates = dates
        self._second = -1
        self._heads: dict[int, bytes] = {}

    def head(self, level: int, wall_s: float) -> bytes:
        """What stands before the text of a message of that level sent at that time."""
        second = int(wall_s)
        if second != self._second:
            self._heads.clear()
            self._second = second
        head = self._heads.get(level)
        if head is None:
            head = self._heads[level] = self._make(level, second)
        return head % min(999_999, int((wall_s - second) * 1_000_000 + 0.5)) if self._micro else head

    def forget(self) -> None:
        """Make the next head anew: the process id has changed."""
        self._heads.clear()

    def _make(self, level: int, second: int) -> bytes:
        offset = self._dates.utc_offset_s(second)
        at = datetime.fromtimestamp(second + offset, UTC)
        # For formats that are filled twice, a "%" in a tag or a host name must survive the second time.
        tag, host = (text.replace(b"%", b"%%") if self._micro else text for text in (self._tag, self._host))
        return self._pattern % {
            b"pri": self.facility * 8 + level,
            b"level": level,
            b"old": b"%b %2d %02d:%02d:%02d" % (MONTHS[at.month - 1], at.day, at.hour, at.minute, at.second),
            b"iso": b"%04d-%02d-%02dT%02d:%02d:%02d" % (at.year, at.month, at.day, at.hour, at.minute, at.second),
            b"offset": offset_text(offset, b":"),
            b"host": host,
            b"tag": tag,
            b"pid": self.pid,
        }
