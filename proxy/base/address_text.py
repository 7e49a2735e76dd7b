"""Addresses out of a configuration's text. No name is resolved here.

Source: HAProxy configuration manual, section 11 "Address formats".
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

from proxy.base.addresses import MAX_ABSTRACT_NAME, Address, Family
from proxy.base.errors import PyproxyError

MAX_UNIX_PATH = 97
"""Octets of a unix socket's path: what the kernel takes less the suffix of the temporary name it is bound under."""
SYSLOG_PORT = 514

_PORT_HINT = "a port is a number from 1 to 65535"
_PORT = re.compile("[0-9]{1,9}")
_OFFSET = re.compile("[+-][0-9]{1,9}")
_RANGE = re.compile("([0-9]{1,9})-([0-9]{1,9})")
_DESCRIPTOR = re.compile("[0-9]{1,9}")
_PREFIX = re.compile("(?:(stream|dgram)\\+)?([a-z0-9]+)@")
_NUMERIC_HOST = re.compile("[0-9.]+")
_HOST_NAME = re.compile("(?!-)[A-Za-z0-9_-]{1,63}(?:\\.(?!-)[A-Za-z0-9_-]{1,63})*\\.?")


class AddressError(PyproxyError, ValueError):
    """An address that cannot be used; the text is HAProxy's, `hint` what to write instead.

    `feature` names what HAProxy could do here and this project cannot.
    """

    def __init__(self, message: str, hint: str = "", feature: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.feature = message, hint, feature


class _Prefix(NamedTuple):
    """What stands before an `@`; `datagram` is None where the use decides."""

    family: Family | None
    datagram: bool | None = None


_IP = {"ip": None, "ipv4": Family.IPV4, "ipv6": Family.IPV6}
_PREFIXES = {
    **{name: _Prefix(family) for name, family in _IP.items()},
    **{name.replace("ip", "tcp").replace("v", ""): _Prefix(family, False) for name, family in _IP.items()},
    **{name.replace("ip", "udp").replace("v", ""): _Prefix(family, True) for name, family in _IP.items()},
    "unix": _Prefix(Family.UNIX),
    "uxst": _Prefix(Family.UNIX, False),
    "uxdg": _Prefix(Family.UNIX, True),
    "abns": _Prefix(Family.ABSTRACT),
    "fd": _Prefix(Family.DESCRIPTOR),
}
_UNSUPPORTED = {
    "sockpair": "listening on a socket pair",
    "quic4": "QUIC",
    "quic6": "QUIC",
    "ring": "rings",
    "abnsz": "zero-terminated abstract socket names",
    "mptcp": "Multipath TCP",
    "mptcp4": "Multipath TCP",
    "mptcp6": "Multipath TCP",
    "rhttp": "reverse HTTP",
    "rev": "reverse HTTP",
}


class _Use(NamedTuple):
    """What a keyword allows in its addresses."""

    port_required: bool = False
    port_zero: bool = True
    port_range: bool = False
    port_offset: bool = False
    descriptor: bool = True
    datagram: bool = False               # the type without a prefix
    other_type: bool = False             # whether a prefix may ask for the other type
    default_port: int = 0


_BIND = _Use(port_required=True, port_zero=False, port_range=True)
_BIND_ANY_PORT = _Use(port_required=True, port_range=True)
_SERVER = _Use(port_offset=True, descriptor=False)
_LOG = _Use(datagram=True, other_type=True, default_port=SYSLOG_PORT)


def parse_addresses(text: str, *, port_zero: bool = False) -> list[Address]:
    """The addresses of a `bind` line: a list with commas, a port range giving one address for each port.

    `port_zero` lets the system choose a port, which HAProxy refuses and tests want.
    Raises: AddressError.
    """
    use = _BIND_ANY_PORT if port_zero else _BIND
    parts = text.split(",")
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    return [address for part in parts for address in _parse(part, use)]


def parse_server_address(text: str) -> Address:
    """The address of a `server` line: the port may be absent or an offset to the port the client connected to.

    Raises: AddressError.
    """
    return _parse(text, _SERVER)[0]


def parse_log_address(text: str) -> Address:
    """The address of a `log` line: UDP port 514 unless it says otherwise, a unix socket, stdout, stderr or `fd@N`.

    Raises: AddressError.
    """
    if text in ("stdout", "stderr"):
        return Address(Family.DESCRIPTOR, "1" if text == "stdout" else "2")
    return _parse(text, _LOG)[0]


def _parse(text: str, use: _Use) -> list[Address]:
    if not text:
        raise AddressError(
            "'' resolves to an empty address (environment variable missing?)", 'give the variable a default: "${NAME-value}"'
        )
    prefix, rest = _split_prefix(text)
    datagram = use.datagram if prefix.datagram is None else prefix.datagram
    if datagram != use.datagram and not use.other_type:
        kind, written = "dgram" if datagram else "stream", text[: len(text) - len(rest)]
        raise AddressError(f"{kind}-type address not acceptable in '{text}'", f"remove the prefix '{written}'")
    if prefix.family is Family.DESCRIPTOR:
        return [_descriptor(text, rest, use)]
    if prefix.family is Family.UNIX:
        return [Address(Family.UNIX, _socket_name(text, rest, MAX_UNIX_PATH), datagram=datagram)]
    if prefix.family is Family.ABSTRACT:
        return [Address(Family.ABSTRACT, _socket_name(text, rest, MAX_ABSTRACT_NAME), datagram=datagram)]
    host, port_text = _split_port(rest)
    ports, offset = _ports(text, port_text, use)
    family, host = _host(text, rest, host, prefix.family)
    only = prefix.family if family is Family.NAME else None
    return [Address(family, host, port, offset, only, datagram) for port in ports]


def _split_prefix(text: str) -> tuple[_Prefix, str]:
    """The prefix and what follows it; a text without a known prefix is taken whole."""
    if text.startswith("/"):
        return _PREFIXES["unix"], text
    match = _PREFIX.match(text)
    if match is None:
        return _PREFIXES["ip"], text
    kind, name = match[1], match[2]
    if name in _UNSUPPORTED:
        feature = _UNSUPPORTED[name]
        if feature == "QUIC":
            raise AddressError(
                f"unsupported stream protocol for datagram family {10 if name == 'quic6' else 2} address '{text}'; "
                "QUIC is not compiled in if this is what you were looking for.",
                "remove the line: clients that try HTTP/3 fall back to TCP",
                feature,
            )
        raise AddressError(f"address prefix '{name}@' in '{text}' needs {feature}, not supported here", feature=feature)
    if name not in _PREFIXES:
        raise AddressError(
            f"invalid address: '{text}'", "known prefixes are ip@, ipv4@, ipv6@, tcp@, tcp4@, tcp6@, udp@, unix@, abns@ and fd@"
        )
    prefix = _PREFIXES[name]
    if kind:
        prefix = _Prefix(prefix.family, kind == "dgram")
    return prefix, text[match.end() :]


def _descriptor(text: str, number: str, use: _Use) -> Address:
    if not use.descriptor:
        raise AddressError(f"a file descriptor is not acceptable here in '{text}'")
    if not _DESCRIPTOR.fullmatch(number):
        raise AddressError(
            f"file descriptor '{number}' is not a valid integer in '{text}'",
            "" if number else 'in fd@"${NAME}" the variable is not set or empty',
        )
    return Address(Family.DESCRIPTOR, str(int(number)))


def _socket_name(text: str, name: str, longest: int) -> str:
    if not name:
        raise AddressError(f"missing socket path in '{text}'", "write a path or a name after the prefix")
    if len(name.encode("utf-8", "surrogateescape")) > longest:
        raise AddressError(f"socket path '{text}' too long (max {longest})", "use a shorter path")
    return name


def _split_port(text: str) -> tuple[str, str | None]:
    """Host and port; None where no port is written. The last colon separates, unless it stands in brackets."""
    at = text.rfind(":")
    if at < 0 or at < text.rfind("]"):
        return text, None
    return text[:at], text[at + 1 :]


def _host(text: str, rest: str, host: str, wanted: Family | None) -> tuple[Family, str]:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if bare in ("", "*"):
        return (Family.IPV6, "::") if wanted is Family.IPV6 else (Family.IPV4, "0.0.0.0")
    if ":" in bare and _is_ipv6(bare) and wanted is not Family.IPV4:
        return Family.IPV6, str(IPv6Address(bare))
    if _NUMERIC_HOST.fullmatch(bare) and wanted is not Family.IPV6:
        try:
            return Family.IPV4, str(IPv4Address(bare))
        except AddressValueError:
            hint = "an IPv4 address has four numbers from 0 to 255, without leading zeros"
            raise AddressError(f"invalid address: '{host}' in '{text}'", hint) from None
    if bare is host and len(bare) <= 253 and _HOST_NAME.fullmatch(bare) and not _NUMERIC_HOST.fullmatch(bare):
        return Family.NAME, bare
    raise AddressError(f"invalid address: '{host}' in '{text}'", _host_hint(rest, host, wanted))


def _host_hint(rest: str, host: str, wanted: Family | None) -> str:
    if _is_ipv6(rest) and wanted is not Family.IPV4:
        return f"write [{rest}]:PORT: without brackets what follows the last colon is the port"
    if "," in host:
        return "write one address"
    if "%" in host:
        return "an address with a zone is not supported"
    return ""


def _is_ipv6(text: str) -> bool:
    # A zone ("%eth0") would pass here, and HAProxy has no use for one.
    if "%" in text:
        return False
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _ports(text: str, port: str | None, use: _Use) -> tuple[range, bool]:
    """The ports of an address and whether they are an offset."""
    if not port:
        if use.port_required:
            better = f":{text}" if _PORT.fullmatch(text) else f"{text.rstrip(':')}:80"
            if "]" in text:
                better = f"{text[: text.rindex(']') + 1]}:{text[text.rindex(']') + 1 :].strip(':') or 80}"
            raise AddressError(f"missing port specification in '{text}'", f"write {better}, or the port you mean")
        return range(use.default_port, use.default_port + 1), use.port_offset
    if port[0] in "+-":
        if not use.port_offset:
            raise AddressError(f"port offset not permitted here in '{text}'", "write the port itself")
        if not _OFFSET.fullmatch(port) or not -65535 <= int(port) <= 65535:
            raise AddressError(f"invalid port offset '{port}' in '{text}'", "an offset is between -65535 and +65535")
        return range(int(port), int(port) + 1), True
    return _fixed_ports(text, port, use)


def _fixed_ports(text: str, port: str, use: _Use) -> tuple[range, bool]:
    if match := _RANGE.fullmatch(port):
        if not use.port_range:
            raise AddressError(f"port range not permitted here in '{text}'", "write one port")
        low, high = _port(match[1], use), _port(match[2], use)
        if low > high:
            raise AddressError(f"invalid port range '{port}'", f"write {high}-{low}: the lower port comes first")
        return range(low, high + 1), False
    if not _PORT.fullmatch(port):
        wrong = next((char for char in port if char not in "0123456789"), port[0])
        raise AddressError(f"invalid character '{wrong}' in port number '{port}' in '{text}'", _PORT_HINT)
    number = _port(port, use)
    if number == 0:
        return range(use.default_port, use.default_port + 1), use.port_offset
    return range(number, number + 1), False


def _port(digits: str, use: _Use) -> int:
    number = int(digits)
    if number > 65535 or (number == 0 and not use.port_zero):
        raise AddressError(f"invalid port '{digits}'", _PORT_HINT)
    return number
