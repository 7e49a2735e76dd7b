"""Where pyproxy differs from HAProxy 2.6: patterns and reasons.

A difference is "scenario/path: HAProxy's value -> ours"; a pattern is matched from its start. `MEANT` are decisions, `OPEN` are
faults of ours that are still to be mended. A pattern that names a scenario in which it no longer occurs fails that scenario's
test, so that the list stays true.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """One kind of difference. `scenarios` are alternatives of names (a regular expression), "" means any."""

    scenarios: str
    pattern: str
    reason: str

    def names(self, scenario: str) -> bool:
        return bool(self.scenarios) and re.fullmatch(self.scenarios, scenario) is not None

    def covers(self, difference: str) -> bool:
        return re.match(rf"(?:{self.scenarios or '[^/]+'})/(?:{self.pattern})", difference, re.DOTALL) is not None


MEANT: tuple[Known, ...] = (
    Known("bare-lf", "", "a bare LF does not end a line: what a server might read differently is refused (RFC 9112 section 2.2)"),
    Known(
        "bad-version", "", "a version that is not 1.0 or 1.1 is answered 505; HAProxy forwards it as 1.1 (RFC 9112 section 2.3)"
    ),
    Known(
        "bad-host", "", "an absolute target overrules Host, as RFC 9112 section 3.2.2 demands; HAProxy refuses the contradiction"
    ),
    Known("head-too-large", "client|log", "a head that is too large is answered 431 (RFC 6585); HAProxy says 400"),
    Known(
        "bad-chunk",
        "log|csv/app/BACKEND",
        "HAProxy parses the first chunk with the head: a bad one is a bad request without a backend",
    ),
    Known(
        "server-bad-chunk",
        "client|log|csv",
        "HAProxy parses the first chunk with the head and can still answer 502; here the head has left",
    ),
    Known(
        "chunked-response-to-http10",
        "client/0",
        "HTTP/1.0 knows no chunks: the body ends with the connection (RFC 9112 section 6.1)",
    ),
    Known("upgrade|upgrade-refused", ".*'Upgrade'\\) -> .*'upgrade'\\)$", "Connection is written anew, in lower case"),
    Known("connect", "servers/s1/0/0/fields/0", "the Host of a CONNECT leaves as it came; HAProxy takes a port of 443 away"),
    Known("hop-by-hop", "servers/s1/0/0/fields", "hop-by-hop fields end here (RFC 9110 section 7.6.1)"),
    Known("errorfile", "client/0/(start|fields)", "an errorfile leaves with our own version, not with the one written in it"),
    Known(
        "errorfile-400",
        "client/0",
        "errorfile 400 is used for unreadable requests too, as the manual says; HAProxy 2.6 ignores it",
    ),
    Known(
        "stats-401|stats-wrong-password", "csv/pages/BACKEND/cli_abrt", "HAProxy counts each 401 of the statistics as two aborts"
    ),
)

SIZES = r"(?P<before>'<\d+> .* -?\d+|'<\d+> .*T/T/T) \+?\d+ (?P<after>.*)' -> (?P=before) \+?\d+ (?P=after)'$"

OPEN: tuple[Known, ...] = (
    Known("", r"csv/\w+/\w+/(bin|bout): ", "HAProxy counts a head as 20 + 1 + its words + its names and values, as received"),
    Known("", rf"log/\d+: {SIZES}", "the same in %B, where fields that the proxy adds do not count"),
    Known("log-clf|log-custom", "log/0", "the same in %B and %U"),
    Known("no-backend", "log/0", "without a backend TR is -1"),
    Known(
        "client-leaves-while-waiting|queue-timeout|maxqueue",
        "log|csv|servers",
        "without abortonclose a client that is gone changes nothing until its server has answered or timed out",
    ),
    Known(
        "leastconn-busy|first-spills-over|client-leaves-the-queue",
        r"log|csv/app/\w+/(hrsp_(other|4xx)|cli_abrt)",
        "a client that resets while its server works, with abortonclose: CD and status -1, counted as hrsp_other",
    ),
    Known("queue-served", "log/0", "%sc is taken before the next in line has the slot"),
    Known("server-resets", r"csv/app/\w+/eresp", "a reset instead of a response counts twice"),
    Known("tcp-no-server", "client", "a connection that we end should be closed, not reset"),
    Known("accept-proxy-missing", "log|csv/app/FRONTEND/stot", "an unnamed listener goes by its number; no session begins"),
)
