"""Checks that speak a service's own protocol: what is said to it, and what its words mean.

| option | said at once | passed |
|---|---|---|
| ssl-hello-chk | a hello of SSLv3 | a hello or an alert comes back |
| mysql-check [user] | nothing; with a user, a login and a goodbye | a greeting; with a user, an answer that is no error |
| smtpchk | nothing; HELO behind the greeting, QUIT behind its answer | 2xx to each |
| redis-check | PING | +PONG |
| pgsql-check user | a start-up message | a request to authenticate, or none needed |
| ldap-check | an anonymous bind | result 0 |

`heard` is given all that came since we spoke last, and says what is next: a verdict, octets to send, or nothing yet. `ended` is
true when no more will come.
Source: HAProxy configuration manual, "option mysql-check" and so on; verdicts as seen of HAProxy 2.6.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Protocol

from proxy.health.result import DESCRIPTION_MAX, Verdict
from proxy.runtime.check_plan import ServicePlan

Said = Verdict | bytes | None


class Conversation(Protocol):
    """One check's talk with a service."""

    opening: bytes
    late: Verdict
    silent: Verdict

    def heard(self, octets: bytes, ended: bool) -> Said: ...


def text_of(octets: bytes) -> str:
    """The service's words up to a NUL, as they may be shown."""
    return octets.partition(b"\0")[0][:DESCRIPTION_MAX].decode("latin-1")


def line_of(octets: bytes) -> bytes:
    return octets.partition(b"\n")[0].rstrip(b"\r")


def _nothing_came(status: str, step: int = 2) -> Verdict:
    return Verdict(status, 0, f"TCPCHK got an empty response at step {step}")


_SUITES = (*range(0x01, 0x1C), *range(0x2F, 0x3B))
_HELLO_BODY = (
    b"\x03\x00" + b"pyproxy checks that this answers" + b"\x00"
    + struct.pack(f">H{len(_SUITES)}H", 2 * len(_SUITES), *_SUITES) + b"\x01\x00"
)
_HELLO = b"\x01" + len(_HELLO_BODY).to_bytes(3, "big") + _HELLO_BODY
SSL_HELLO = b"\x16\x03\x00" + len(_HELLO).to_bytes(2, "big") + _HELLO


class SslHello:
    """A hello of SSLv3 (RFC 6101 §5.6.1.2), which every server of SSL or TLS answers, if only by an alert."""

    opening = SSL_HELLO
    late = Verdict("L6TOUT")
    silent = _nothing_came("L6RSP")
    HEADER_OCTETS = 5

    def __init__(self, plan: ServicePlan) -> None:
        """Nothing is configured."""

    def heard(self, octets: bytes, ended: bool) -> Said:
        if len(octets) < self.HEADER_OCTETS and not ended:
            return None
        return Verdict("L6OK" if octets[0] in (0x15, 0x16) else "L6RSP")


class MySql:
    """The greeting of a MySQL server, and its answer to a login without password (protocol 4.1, or 3.20 as `pre-41`)."""

    late = Verdict("L7TOUT")
    silent = _nothing_came("L7RSP")
    ERROR = 0xFF
    QUIT = b"\x01\x00\x00\x00\x01"
    CAPABILITIES_41 = 0x8200            # PROTOCOL_41, SECURE_CONNECTION
    CAPABILITIES_OLD = 0x8000
    MOST_OCTETS_41, MOST_OCTETS_OLD = 0x01008000, 0x010000
    UTF8 = 33

    def __init__(self, plan: ServicePlan) -> None:
        user = plan.user
        self._logs_in = bool(user)
        if plan.before_41:
            login = struct.pack("<H", self.CAPABILITIES_OLD) + self.MOST_OCTETS_OLD.to_bytes(3, "little")
        else:
            login = struct.pack("<IIB23x", self.CAPABILITIES_41, self.MOST_OCTETS_41, self.UTF8)
        login += user + b"\0\0"                # and no password
        self.opening = len(login).to_bytes(3, "little") + b"\x01" + login + self.QUIT if user else b""

    def heard(self, octets: bytes, ended: bool) -> Said:
        packets = self._packets(octets, 2 if self._logs_in else 1)
        for packet in packets:
            if packet[:1] == bytes([self.ERROR]):
                return Verdict("L7STS", int.from_bytes(packet[1:3], "little"), text_of(packet[3:]))
        if len(packets) == 1 + self._logs_in:
            return Verdict("L7OK", 0, text_of(packets[0][1:]))
        return Verdict("L7RSP") if ended else None

    @staticmethod
    def _packets(octets: bytes, most: int) -> list[bytes]:
        """The payloads of the packets that are whole."""
        found: list[bytes] = []
        while len(found) < most and len(octets) >= 4:
            end = 4 + int.from_bytes(octets[:3], "little")
            if len(octets) < end:
                break
            found.append(octets[4:end])
            octets = octets[end:]
        return found


class Smtp:
    """A greeting, HELO or EHLO, QUIT."""

    opening = b""
    late = Verdict("L7TOUT")
    silent = _nothing_came("L7RSP")
    REPLY = re.compile(rb"([0-9]{3})(?:[- \r](.*?))?\r?\n", re.DOTALL)
    GREETING = re.compile(rb"([0-9]{3})(?: (.*?))?\r?\n", re.DOTALL)
    WELCOME = re.compile(rb"(?:2[0-9]{2}-[^\n]*\n)*2[0-9]{2}(?: [^\n]*)?\r?\n")

    def __init__(self, plan: ServicePlan) -> None:
        self._hello = plan.hello + b"\r\n"
        self._stage = self._greeting

    def heard(self, octets: bytes, ended: bool) -> Said:
        return self._stage(octets, ended)

    def _greeting(self, octets: bytes, ended: bool) -> Said:
        if b"\n" not in octets:
            return Verdict("L7RSP", 0, text_of(octets)) if ended else None
        reply = self.GREETING.match(octets)
        if reply is None:
            return Verdict("L7RSP", 0, text_of(line_of(octets)))
        if reply[1][:1] != b"2":
            return Verdict("L7STS", int(reply[1]), text_of(reply[2] or b""))
        self._stage = self._welcome
        return self._hello

    def _welcome(self, octets: bytes, ended: bool) -> Said:
        if self.WELCOME.match(octets) is None:
            return Verdict("L7RSP", 0, text_of(line_of(octets))) if ended else None
        self._stage = self._goodbye
        return b"QUIT\r\n"

    def _goodbye(self, octets: bytes, ended: bool) -> Said:
        if b"\n" not in octets:
            return Verdict("L7STS") if ended else None
        reply = self.REPLY.match(octets)
        if reply is None:
            return Verdict("L7STS")
        return Verdict("L7OK" if reply[1][:1] == b"2" else "L7STS", int(reply[1]), text_of(reply[2] or b""))


class Redis:
    """PING."""

    opening = b"*1\r\n$4\r\nPING\r\n"
    late = Verdict("L7TOUT")
    silent = _nothing_came("L7STS")

    def __init__(self, plan: ServicePlan) -> None:
        """Nothing is configured."""

    def heard(self, octets: bytes, ended: bool) -> Said:
        if b"+PONG\r\n" in octets:
            return Verdict("L7OK", 0, "Redis server is ok")
        return Verdict("L7STS", 0, text_of(line_of(octets))) if ended else None


class PostgreSql:
    """A start-up message for a user; the server need not let him in, but must know how he would authenticate."""

    late = Verdict("L7TOUT")
    silent = _nothing_came("L7RSP", 3)
    VERSION_3 = 0x00030000
    ERROR = b"E"
    ERROR_OCTETS, ERROR_TEXT_AT = 5, 6
    KNOWN = re.compile(rb"R\x00\x00\x00.\x00\x00\x00[\x00\x02-\x07\x09\x0a]", re.DOTALL)
    KNOWN_OCTETS = 9

    def __init__(self, plan: ServicePlan) -> None:
        body = struct.pack(">I", self.VERSION_3) + b"user\0" + plan.user + b"\0\0"
        self.opening = struct.pack(">I", len(body) + 4) + body

    def heard(self, octets: bytes, ended: bool) -> Said:
        if octets[:1] == self.ERROR and (ended or len(octets) >= self.ERROR_OCTETS):
            return Verdict("L7RSP", 0, text_of(octets[self.ERROR_TEXT_AT :]))
        if len(octets) < self.KNOWN_OCTETS and not ended:
            return None
        if self.KNOWN.match(octets):
            return Verdict("L7OK", 0, "PostgreSQL server is ok")
        return Verdict("L7STS", 0, "PostgreSQL unknown error")


class Ldap:
    """An anonymous bind of LDAPv3 (RFC 4511 §4.2), and the result code of its answer."""

    opening = bytes.fromhex("300c020101 60070201030400 8000")
    late = Verdict("L7TOUT")
    silent = _nothing_came("L7RSP")
    LEAST_OCTETS = 14
    ANSWER = b"\x02\x01\x01\x61"        # message 1, a bind's answer
    RESULT = b"\x0a\x01"                # an enumerated of one octet
    ALIEN = Verdict("L7RSP", 0, "Not LDAPv3 protocol")

    def __init__(self, plan: ServicePlan) -> None:
        """Nothing is configured."""

    def heard(self, octets: bytes, ended: bool) -> Said:
        if len(octets) < self.LEAST_OCTETS:
            return Verdict("L7RSP") if ended else None
        at = self._behind_length(octets, 1)
        if octets[:1] != b"\x30" or not self.ANSWER.startswith(octets[at : at + 4]):
            return self.ALIEN
        at = self._behind_length(octets, at + 4)
        if not self.RESULT.startswith(octets[at : at + 2]):
            return self.ALIEN
        if len(octets) <= at + 2:
            return self.ALIEN if ended else None
        code = octets[at + 2]
        if code:
            return Verdict("L7STS", code, "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9")
        return Verdict("L7OK", 0, "Success")

    @staticmethod
    def _behind_length(octets: bytes, at: int) -> int:
        """Where what follows a length of BER begins (X.690 §8.1.3)."""
        first = octets[at] if at < len(octets) else 0
        return at + 1 + (first & 0x7F if first & 0x80 else 0)


SERVICES: dict[str, Callable[[ServicePlan], Conversation]] = {
    "ssl-hello": SslHello, "mysql": MySql, "smtp": Smtp, "redis": Redis, "pgsql": PostgreSql, "ldap": Ldap,
}
