"""Services that speak their own protocols, and what checks make of them; see `check_lab`."""

from __future__ import annotations

from tests.differential.check_lab import CLOSE, Case, Talk

LOG = "option log-health-checks"


def packet(payload: bytes, number: int) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


GREETING = packet(b"\n8.0.36\0" + b"\1\0\0\0" + b"12345678\0" + b"\xff\xf7\x21\x02\0" + b"\0" * 13 + b"123456789012\0", 0)
BLOCKED = packet(b"\xff\x6a\x04Host is blocked", 0)
WELCOME = packet(b"\0\0\0\2\0\0\0", 2)
DENIED = packet(b"\xff\x15\x04#28000Access denied for user 'bob'", 2)
SWITCH = packet(b"\xfemysql_native_password\0", 2)
ALERT = b"\x15\x03\x00\x00\x02\x02\x28"
HELLO = b"\x16\x03\x00\x00\x01\x02"
LDAP_OK = bytes.fromhex("300c02010161070a010004000400")
LDAP_LONG = bytes.fromhex("3084000000100201016184000000070a010004000400")
LDAP_DENIED = bytes.fromhex("300c02010161070a013104000400")
AUTHENTICATE = b"R\0\0\0\x0c\0\0\0\x05salt"
FATAL = b"E\0\0\0\x40SFATAL\0C28000\0Mno such user\0\0"


def case(name: str, option: str, *talks: Talk, words: str = "") -> Case:
    return Case(name, talks, (f"option {option}", LOG), f"inter 250 rise 1 fall 1 {words}", (), "tcp")


def said(*words: bytes) -> Talk:
    return Talk(words)


def closing(*words: bytes) -> Talk:
    return Talk(words, CLOSE)


SSL = (
    case("ssl-hello", "ssl-hello-chk", said(b"", HELLO), said(b"", ALERT), said(b"", b"HTTP/1.0 400\r\n\r\n"), said(b"", ALERT)),
    case("ssl-short", "ssl-hello-chk", said(b"", ALERT[:5]), said(b"", ALERT[:4]), said(b"", HELLO[:5]), closing(b"", b"")),
    case("ssl-silent", "ssl-hello-chk", said(b"", HELLO), said(), said(b"", HELLO)),
)
MYSQL = (
    case("mysql", "mysql-check", said(GREETING), said(BLOCKED), said(GREETING), said(GREETING[:20]), said(GREETING)),
    case("mysql-closed", "mysql-check", said(GREETING), closing(GREETING[:9]), closing(GREETING)),
    case("mysql-user", "mysql-check user bob", said(GREETING, WELCOME), said(GREETING, DENIED), said(GREETING, SWITCH),
         said(BLOCKED), said(GREETING, WELCOME), said(GREETING), said(GREETING, WELCOME)),
    case("mysql-41", "mysql-check user bob post-41", said(GREETING, WELCOME)),
    case("mysql-old", "mysql-check user bob pre-41", said(GREETING, WELCOME), said(GREETING, DENIED)),
    case("mysql-cut", "mysql-check user bob", said(GREETING + WELCOME), said(GREETING, WELCOME[:6])),
)
SMTP = (
    case("smtp", "smtpchk", said(b"220 hi\r\n", b"250 ok\r\n", b"221 bye\r\n"), said(b"554 no\r\n"),
         said(b"220 hi\r\n", b"250-a\r\n250 ok\r\n", b"221 bye\r\n"), said(b"220-a\r\n220 b\r\n"),
         said(b"220\r\n", b"250\r\n", b"221 x\r\n"), said(b"hello\r\n"), said(b"220 hi\r\n", b"250 ok\r\n", b"500 what\r\n"),
         said(b"220 hi\r\n", b"250 ok\r\n", b"221 bye\r\n"), said(b"354 go\r\n")),
    case("smtp-late", "smtpchk", said(b"220 hi\r\n", b"250 ok\r\n", b"221 bye\r\n"), said(b"220 hi\r\n", b"500 what\r\n"),
         said(b"220 hi\r\n", b"250 ok\r\n", b"221 bye\r\n"), said(b"220 hi\r\n", b"250 ok\r\n")),
    case("smtp-ehlo", "smtpchk EHLO mail.example", said(b"220 hi\r\n", b"250 ok\r\n", b"221 bye\r\n"), closing(b"")),
    case("smtp-words", "smtpchk NOPE x", said(b"220 hi\r\n", b"250 ok\r\n", b"221 bye\r\n")),
)
OTHERS = (
    case("redis", "redis-check", said(b"", b"+PONG\r\n"), closing(b"", b"-NOAUTH Authentication required.\r\n"),
         said(b"", b"+PONG\r\n"), said(b"", b"+PO"), said(b"", b"+PONG\r\n+OK\r\n"), closing(b"", b"")),
    case("pgsql", "pgsql-check user bob", said(b"", AUTHENTICATE), said(b"", FATAL), said(b"", b"R\0\0\0\x08\0\0\0\0"),
         said(b"", b"R\0\0\0\x08\0\0\0\x08"), said(b"", b"R\0\0\0\x08\0\0\0\x0a"), said(b"", b"N"), said(b"", AUTHENTICATE),
         said(b"", b"E\0\0\0\x10S"), said(b"", AUTHENTICATE), said(b"", b"E\0"), said(b"", AUTHENTICATE), closing(b"", b"")),
    case("ldap", "ldap-check", said(b"", LDAP_OK), said(b"", LDAP_DENIED), said(b"", LDAP_LONG),
         said(b"", b"HTTP/1.0 400 Bad\r\n\r\n"),
         said(b"", LDAP_OK), said(b"", LDAP_OK[:13]), said(b"", LDAP_OK), closing(b"", LDAP_OK[:3])),
)
RANDOM = slice(11, 43)          # of a hello of SSLv3: time and random octets
CASES = [*SSL, *MYSQL, *SMTP, *OTHERS]
