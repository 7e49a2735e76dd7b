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
    """One kind of difference. `scenarios` are alternatives of names (a regular expression), "" means any.

    Not `always`: where it depends on who is first that a difference shows.
    """

    scenarios: str
    pattern: str
    reason: str
    always: bool = True

    def names(self, scenario: str) -> bool:
        return bool(self.scenarios) and re.fullmatch(self.scenarios, scenario) is not None

    def covers(self, difference: str) -> bool:
        return re.match(rf"(?:{self.scenarios or '[^/]+'})/(?:{self.pattern})", difference, re.DOTALL) is not None


SIZES = r"(?P<before>'<\d+> .* -?\d+|'<\d+> .*T/T/T) \+?\d+ (?P<after>.*)' -> (?P=before) \+?\d+ (?P=after)'$"
OCTETS = "octets are counted as they are on the wire; HAProxy counts its own form of a head, without the fields that it adds"

HTTP1_OCTETS = r"csv/\w+/\w+/h1_bytes_(in|out): "

MEANT: tuple[Known, ...] = (
    Known(
        "chunked-response-to-http10|connect(-.*)?|hop-by-hop|errorfile|errorfile-400|head-too-large",
        HTTP1_OCTETS,
        "what leaves is another text, for the reason that is given for each of these below",
    ),
    Known(
        "form-(chunked|expects)|stats-(401(-log)?|wrong-password|drain|maint|no-action|bad-server|bad-backend|bad-action|empty-form|"
        "admin-denied|admin-works)",
        rf"client/\d+/fields: \[(?P<fields>.*)\] -> \[(?P=fields), \('x-content-type-options', 'nosniff'\)\]$|{HTTP1_OCTETS}",
        "no browser is to guess what an answer of the statistics page might be",
    ),
    Known(
        "connect-refused",
        r"client/0/fields: \[\('content-length', '2'\)\] -> \[\('connection', 'close'\), \('content-length', '2'\)\]$",
        "what a client sends behind a CONNECT may be meant for the tunnel: it is not read as a request when there is none",
    ),
    Known("server-head-too-large|head-too-large", HTTP1_OCTETS, "how much is read of a head that is too large"),
    Known(
        "client-leaves-while-waiting|queue-timeout|maxqueue|leaves-(waiting|in-line|in-response|retrying)-plain-rst|leaves-pipelining",
        HTTP1_OCTETS,
        "of a client that has gone, what was made for it is counted in all columns alike",
    ),
    Known("", r"csv/\w+/[\w-]+/(bin|bout): ", OCTETS),
    Known("", rf"log/\d+: {SIZES}", OCTETS),
    Known("log-clf|log-custom", "log/0", OCTETS),
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
        "chunked-response-to-http10",
        "client/0",
        "HTTP/1.0 knows no chunks: the body ends with the connection (RFC 9112 section 6.1)",
    ),
    Known(
        "upgrade-(no-upgrade|to-another)",
        "",
        "a 101 must tell what it switches to, and only to what was asked for (RFC 9110 section 7.8): else it is a bad response",
    ),
    Known(
        "upgrade-no-fields|upgrade-not-asked|upgrade-no-connection",
        r"csv/app/s1/(hrsp_1xx|req_tot)",
        "a response that is refused is no response of its server's",
    ),
    Known("", ".*'(Upgrade|UPGRADE)'\\) -> .*'upgrade'\\)$", "Connection is written anew, in lower case"),
    Known(
        "expect-refused",
        "client|log|csv",
        "whether the body comes after a refusal nobody knows: the connection ends; HAProxy waits for it",
    ),
    Known("expect-other", "", "an expectation that nobody knows is answered 417 (RFC 9110 section 10.1.1); HAProxy passes it on"),
    Known("expect-http10|interims-http10", "client|servers|csv", "HTTP/1.0 knows neither Expect nor interim responses"),
    Known("bodiless-204-length", "servers|csv", "a server that announces a body that may not be is not asked again"),
    Known("connect-with-length", "client|csv", "a response that begins a tunnel has no length (RFC 9110 section 9.3.6)"),
    Known("form-.*too-large", "client|csv", "a form that is too large is not read to its end"),
    Known("form-bad-chunk", "csv/pages/FRONTEND/intercepted", "a request that is answered here is counted when it begins"),
    Known(
        "tcp-frontend-http-backend",
        r"csv/(front/FRONTEND/(smax|ereq|h1_\w+)|back/BACKEND/(stot|cli_abrt)): ",
        "HAProxy begins such a connection as TCP, ends that stream with an error and goes on with another; here there is one",
    ),
    Known(
        "waiting-(late|silent|bad-chunk)",
        r"csv/app/BACKEND/(smax|stot|hrsp_4xx|req_tot): '0' -> '1'",
        "whose body is waited for has a backend already: a refusal counts there too",
    ),
    Known(
        "waiting-not-expecting-any-more",
        "client|servers|csv",
        "whose body is there need not be told to send it (RFC 9110 section 10.1.1)",
    ),
    Known(
        "late-body",
        "client|log|csv",
        "a client that stalls inside its body is late itself (manual section 8.5, cH); HAProxy waits on and blames the server",
    ),
    Known("late-open-response-body", "client/1", "a body that ends with the connection, if it breaks off, ends in a reset"),
    Known("early-answer-close", HTTP1_OCTETS, "no more of a body is sent to a server that has closed", always=False),
    Known("connect(-.*)?", "servers/s1/0/0/fields/[01]", "the Host of a CONNECT leaves as it came; HAProxy drops a default port"),
    Known("hop-by-hop", "servers/s1/0/0/fields", "hop-by-hop fields end here (RFC 9110 section 7.6.1)"),
    Known("errorfile", "client/0/(start|fields)", "an errorfile leaves with our own version, not with the one written in it"),
    Known(
        "errorfile-400",
        "client/0",
        "errorfile 400 is used for unreadable requests too, as the manual says; HAProxy 2.6 ignores it",
    ),
    Known(
        "server-resets|l7-retry-reset-none",
        r"csv/app/\w+/eresp",
        "a reset instead of a response is one error, also where it is passed on to the client; HAProxy counts it twice then",
    ),
    Known(
        "l7-retry-(?!part-same).*-(same|all)",
        r"csv/app/\w+/wretr",
        "a retry on the same server is one retry; HAProxy counts those of retry-on twice",
    ),
    Known("l7-retry-reset-(same|all)", r"csv/app/\w+/eresp", "the last of them is one error; HAProxy counts it twice"),
    Known(
        "reuse-dies-get",
        "client|log|servers|csv",
        "a request that may be repeated is sent again when its idle connection is found dead; HAProxy leaves that to the client",
    ),
    Known("accept-proxy-unknown-and-more", "", "what follows UNKNOWN is to be ignored (proxy-protocol.txt, section 2.1)"),
    Known("accept-proxy-(bad-port|port-with-zero|short-address)", "", "what is no address or port is refused; HAProxy reads on"),
    Known("accept-proxy-v2-(unix|unspecified)", "", "other families are accepted and their addresses ignored (section 2.2)"),
    Known("accept-proxy-v2-bad-(checksum|tlv)", "log", "a header that is refused has told no address"),
    Known("stats-401-log", "log", "a 401 of the statistics is logged as what it is; HAProxy writes 400"),
    Known(
        "stats-401-log|stats-401|stats-wrong-password",
        "csv/pages/BACKEND/cli_abrt",
        "HAProxy counts each 401 of the statistics as two aborts",
    ),
)

OPEN: tuple[Known, ...] = ()
