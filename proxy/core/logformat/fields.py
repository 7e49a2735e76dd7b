"""What each `%variable` of a format shows: one row per variable.

Source: HAProxy configuration manual, section 8.2.6; where the manual is silent, what haproxy 2.6.12 writes.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from proxy.base.log_format_text import FormatItem
from proxy.core.logformat.dates import milliseconds
from proxy.core.logformat.escapes import backslashed, header_text, header_texts, hexadecimal_address, printable_text, request_text
from proxy.core.logformat.request_line import BAD_REQUEST, path_of, query_of, request_line, request_parts
from proxy.core.logformat.site import Site
from proxy.runtime.log import LogRecord

NO_SERVER = "<NOSRV>"

Getter = Callable[[LogRecord], Any]
Text = Callable[[LogRecord], bytes]


class Slot(NamedTuple):
    """Where a variable's value goes in the template, and how it is got. `may_vanish`: an empty value takes a space along."""

    conversion: bytes
    getter: Getter
    may_vanish: bool = False


Maker = Callable[[FormatItem, Site], Slot]


# ---- numbers

def _number(attribute: str) -> Maker:
    getter = attrgetter(attribute)
    return lambda item, site: Slot(b"%d", getter)


def _counter(attribute: str) -> Maker:
    """A number that the flag X shows as at least four hexadecimal digits."""
    getter = attrgetter(attribute)
    return lambda item, site: Slot(b"%04X" if item.hexadecimal else b"%d", getter)


def _plus(attribute: str) -> Maker:
    """A number that is not final yet when it was logged as soon as possible: "+" before it. Source: "option logasap"."""
    value = attrgetter("logasap", attribute)
    patterns = (b"%d", b"+%d")                      # indexed by `logasap`

    def getter(record: LogRecord) -> bytes:
        early, number = value(record)
        text: bytes = patterns[early] % number
        return text
    return lambda item, site: Slot(b"%b", getter)


def _retries(record: LogRecord) -> bytes:
    return b"+%d" % record.retries if record.redispatched else b"%d" % record.retries


def _request_time(record: LogRecord) -> int:
    """Th + Ti + TR, -1 when any of them never was."""
    if record.request_ms < 0 or record.idle_ms < 0 or record.handshake_ms < 0:
        return -1
    return record.handshake_ms + record.idle_ms + record.request_ms


def _user_time(record: LogRecord) -> bytes:
    """Tt without the time the connection idled before the request."""
    time_ms = max(0, record.total_ms - max(0, record.idle_ms))
    return b"+%d" % time_ms if record.logasap else b"%d" % time_ms


def _octets_in(record: LogRecord) -> int:
    """What was not a request counts for nothing, as in HAProxy."""
    return 0 if record.bad_request else record.octets_in


def _pid(item: FormatItem, site: Site) -> Slot:
    return Slot(b"%04X" if item.hexadecimal else b"%d", lambda record: site.pid)


# ---- dates

def _date(method: str, attribute: str) -> Maker:
    value = attrgetter(attribute)

    def make(item: FormatItem, site: Site) -> Slot:
        text = getattr(site.dates, method)
        return Slot(b"%b", lambda record: text(value(record)))
    return make


def _accept_second(item: FormatItem, site: Site) -> Slot:
    return Slot(b"%04X" if item.hexadecimal else b"%d", lambda record: int(record.accept_wall_s))


def _accept_millisecond(item: FormatItem, site: Site) -> Slot:
    return Slot(b"%02X" if item.hexadecimal else b"%03d", lambda record: milliseconds(record.accept_wall_s) % 1000)


# ---- texts

def _text(getter: Text) -> Maker:
    return lambda item, site: _text_slot(getter, item)


def _text_slot(getter: Text, item: FormatItem) -> Slot:
    """A text with the flags Q and E."""
    conversion = b'"%b"' if item.quote else b"%b"
    return Slot(conversion, (lambda record: backslashed(getter(record))) if item.escape else getter)


def _address(attribute: str) -> Maker:
    value: Callable[[LogRecord], str] = attrgetter(attribute)

    def make(item: FormatItem, site: Site) -> Slot:
        if item.hexadecimal:
            nothing = b'""' if item.quote else b"-"
            return Slot(b"%b", lambda record: hexadecimal_address(value(record)) or nothing)
        if item.quote:
            return Slot(b'"%b"', lambda record: value(record).encode())
        return Slot(b"%b", lambda record: value(record).encode() or b"-")
    return make


def _port(port: str, address: str) -> Maker:
    """A port, which is nothing where there is no address."""
    number, known = attrgetter(port), attrgetter(address)

    def make(item: FormatItem, site: Site) -> Slot:
        pattern = b"%04X" if item.hexadecimal else b"%d"
        nothing = b'""' if item.quote else b"-"
        return Slot(b"%b", lambda record: pattern % number(record) if known(record) else nothing)
    return make


def _frontend(record: LogRecord) -> bytes:
    name: str = record.frontend.name
    return name.encode()


def _frontend_transport(record: LogRecord) -> bytes:
    name: str = record.frontend.name
    return name.encode() + b"~" if record.is_tls else name.encode()


def _backend(record: LogRecord) -> bytes:
    name: str = (record.backend or record.frontend).name
    return name.encode()


def _server(record: LogRecord) -> bytes:
    server = record.server
    name: str = server.name if server is not None else record.server_name or NO_SERVER
    return name.encode()


def _hostname(item: FormatItem, site: Site) -> Slot:
    return _text_slot(lambda record: site.hostname, item)


def _without_tls(item: FormatItem, site: Site) -> Slot:
    """No connection has TLS yet, so there is no version and no cipher to show."""
    nothing = b'""' if item.quote else b"-"
    return Slot(b"%b", lambda record: nothing)


def _from_client(attribute: str) -> Maker:
    """Octets that a client or a server sent, or that were made of these; "-" when there are none."""
    value: Callable[[LogRecord], bytes | None] = attrgetter(attribute)

    def make(item: FormatItem, site: Site) -> Slot:
        nothing = b'""' if item.quote else b"-"
        pattern = b'"%b"' if item.quote else b"%b"
        finish = backslashed if item.escape else None

        def getter(record: LogRecord) -> bytes:
            text = value(record)
            if not text:
                return nothing
            text = printable_text(text)
            return pattern % (finish(text) if finish else text)
        return Slot(b"%b", getter)
    return make


def _state_of_two(record: LogRecord) -> bytes:
    return record.termination[:2]


# ---- the request

def _request(item: FormatItem, site: Site) -> Slot:
    limit = site.logurilen
    return _text_slot(lambda record: request_line(record, limit), item)


def _request_part(part: Callable[[bytes, bytes, bytes], bytes]) -> Maker:
    def make(item: FormatItem, site: Site) -> Slot:
        limit = site.logurilen

        def getter(record: LogRecord) -> bytes:
            return BAD_REQUEST if record.bad_request else request_text(part(*request_parts(record, limit)))
        return _text_slot(getter, item)
    return make


# ---- captured headers

def _captures(attribute: str) -> Maker:
    """ "{a|b}", nothing at all where no capture is configured."""
    values: Callable[[LogRecord], list[bytes | None] | None] = attrgetter(attribute)

    def make(item: FormatItem, site: Site) -> Slot:
        pattern = b'"{%b}"' if item.quote else b"{%b}"
        finish = backslashed if item.escape else None

        def getter(record: LogRecord) -> bytes:
            captured = values(record)
            if not captured:
                return b""
            text = header_texts(captured, b"|")
            return pattern % (finish(text) if finish else text)
        return Slot(b"%b", getter, True)
    return make


def _captures_as_words(attribute: str) -> Maker:
    """One word per capture, "-" for a header that was not there (`""` when quoted): the CLF style."""
    values: Callable[[LogRecord], list[bytes | None] | None] = attrgetter(attribute)

    def make(item: FormatItem, site: Site) -> Slot:
        pattern, nothing = (b'"%b"', b'""') if item.quote else (b"%b", b"-")
        finish = backslashed if item.escape else None

        def word(value: bytes | None) -> bytes:
            if value is None:
                return nothing
            text = header_text(value)
            return pattern % (finish(text) if finish else text)

        return Slot(b"%b", lambda record: b" ".join([word(value) for value in values(record) or ()]), True)
    return make


def _constantly(getter: Getter, conversion: bytes) -> Maker:
    return lambda item, site: Slot(conversion, getter)


FIELDS: dict[str, Maker] = {
    "B": _plus("octets_out"),
    "CC": _from_client("captured_request_cookie"),
    "CS": _from_client("captured_response_cookie"),
    "H": _hostname,
    "HM": _request_part(lambda method, target, version: method),
    "HP": _request_part(lambda method, target, version: target.partition(b"?")[0]),
    "HPO": _request_part(lambda method, target, version: path_of(target)),
    "HQ": _request_part(lambda method, target, version: query_of(target)),
    "HU": _request_part(lambda method, target, version: target),
    "HV": _request_part(lambda method, target, version: version),
    "ID": _from_client("unique_id"),
    "ST": _number("status"),
    "T": _date("gmt", "accept_wall_s"),
    "TR": _number("request_ms"),
    "Ta": _plus("active_ms"),
    "Tc": _number("connect_ms"),
    "Td": _number("data_ms"),
    "Th": _number("handshake_ms"),
    "Ti": _number("idle_ms"),
    "Tl": _date("local", "accept_wall_s"),
    "Tq": _constantly(_request_time, b"%d"),
    "Tr": _number("response_ms"),
    "Ts": _accept_second,
    "Tt": _plus("total_ms"),
    "Tu": _constantly(_user_time, b"%b"),
    "Tw": _number("queue_ms"),
    "U": _constantly(_octets_in, b"%d"),
    "ac": _number("process_connections"),
    "b": _text(_backend),
    "bc": _number("backend_connections"),
    "bi": _address("backend_address"),
    "bp": _port("backend_port", "backend_address"),
    "bq": _number("backend_queue"),
    "ci": _address("client_address"),
    "cp": _port("client_port", "client_address"),
    "f": _text(_frontend),
    "fc": _number("frontend_connections"),
    "fi": _address("frontend_address"),
    "fp": _port("frontend_port", "frontend_address"),
    "ft": _text(_frontend_transport),
    "hr": _captures("captured_request_headers"),
    "hrl": _captures_as_words("captured_request_headers"),
    "hs": _captures("captured_response_headers"),
    "hsl": _captures_as_words("captured_response_headers"),
    "lc": _counter("frontend.log_count"),
    "ms": _accept_millisecond,
    "pid": _pid,
    "r": _request,
    "rc": _constantly(_retries, b"%b"),
    "rt": _counter("request_counter"),
    "s": _text(_server),
    "sc": _number("server_connections"),
    "si": _address("server_address"),
    "sp": _port("server_port", "server_address"),
    "sq": _number("server_queue"),
    "sslc": _without_tls,
    "sslv": _without_tls,
    "t": _date("local_ms", "accept_wall_s"),
    "tr": _date("local_ms", "request_wall_s"),
    "trg": _date("gmt", "request_wall_s"),
    "trl": _date("local", "request_wall_s"),
    "ts": _constantly(_state_of_two, b"%b"),
    "tsc": _constantly(attrgetter("termination"), b"%b"),
}
