"""Where a proxy's lines go and what they look like, decided when the configuration is built and made live by `engine.logsink`."""

from typing import NamedTuple

from proxy.base.addresses import Address
from proxy.base.log_format_text import FormatItem


class LogDestination(NamedTuple):
    """One `log` line, resolved.

    `address` is a literal IPv4 or IPv6 address, a unix socket or a descriptor; family NAME when the name did not resolve, and
    then every line to it is dropped. `facility`, `level` and `minlevel` are syslog's numbers: lines of a level above `level` are
    not sent, lines below `minlevel` are sent as `minlevel`.
    Units: `length` in octets, the whole message before its end of line.
    """

    address: Address
    facility: int
    level: int
    minlevel: int
    length: int
    format: str                         # local, rfc3164, rfc5424, priority, short, timed, iso, raw


class LogPlan(NamedTuple):
    """All that a log sink is made of. Two proxies with equal plans may share one sink.

    `is_default` is true where no format was asked for: one "Connect from …" line, written when the stream begins, whatever
    becomes of it. `error_items` is the format of what was no request, when `error-log-format` gives one. `sent_hostname` is what
    `log-send-hostname` puts in the header, None when it is off; `hostname` is the machine's, for `%H`.
    """

    destinations: tuple[LogDestination, ...]
    items: tuple[FormatItem, ...] = ()
    error_items: tuple[FormatItem, ...] | None = None
    is_default: bool = False
    tag: str = "haproxy"
    sent_hostname: str | None = None
    hostname: str = ""
    logurilen: int = 1023               # octets of a request line
