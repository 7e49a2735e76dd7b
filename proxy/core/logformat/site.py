"""What a line says that is not about the stream: which process wrote it, where, and how its clock is set."""

from __future__ import annotations

from proxy.core.logformat.dates import Dates

LOGURILEN_DEFAULT = 1023


class Site:
    """The place where lines are written.

    Units: `logurilen` in octets, the longest request line that is logged whole ("tune.http.logurilen"). `pid` is that of the
    worker, so it is set again after a fork.
    """

    __slots__ = ("dates", "hostname", "logurilen", "pid")

    def __init__(self, dates: Dates | None = None, hostname: str = "", pid: int = 0, logurilen: int = LOGURILEN_DEFAULT) -> None:
        self.dates = dates if dates is not None else Dates()
        self.hostname = hostname.encode()
        self.pid = pid
        self.logurilen = logurilen
