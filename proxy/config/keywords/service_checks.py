"""`option mysql-check` and its like: checks that speak a service's own protocol."""

from __future__ import annotations

from collections.abc import Callable

from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.row import ANY_BACK, Keyword, Line, Refusal
from proxy.config.model import ServiceCheck

Row = Keyword[ProxyDraft]


def _check(line: Line, proxy: ProxyDraft, kind: str, **settings: object) -> None:
    proxy.check, proxy.check_request = kind, None
    proxy.check_service = ServiceCheck(kind, where=line.where, **settings)     # type: ignore[arg-type]


def _plain(kind: str) -> Callable[[Line, ProxyDraft], None]:
    def read(line: Line, proxy: ProxyDraft) -> None:
        _check(line, proxy, kind)

    return read


def _user(line: Line) -> str:
    name = line.text(1)
    if "\0" in name or len(name) > 255:
        raise Refusal(f"'{line.keyword} user' : '{name[:40]}' is no name of a user.", line.at(1))
    return name


def _read_mysql(line: Line, proxy: ProxyDraft) -> None:
    if not line.arguments:
        _check(line, proxy, "mysql")
        return
    if line.text(0) != "user":
        raise Refusal(f"'option mysql-check' only supports optional values: 'user' (got '{line.text(0)}').", line.at(0))
    if not line.text(1):
        raise Refusal("'option mysql-check user' expects <username> as argument.", line.at(0))
    if line.text(2) not in ("", "post-41", "pre-41"):
        raise Refusal(f"keyword 'user' only supports 'post-41' and 'pre-41' (got '{line.text(2)}').", line.at(2))
    _check(line, proxy, "mysql", user=_user(line), before_41=line.text(2) == "pre-41")


def _read_pgsql(line: Line, proxy: ProxyDraft) -> None:
    if line.text(0) != "user" or not line.text(1):
        raise Refusal("'option pgsql-check' expects 'user <username>' as argument.", line.at(0))
    _check(line, proxy, "pgsql", user=_user(line))


def _read_smtp(line: Line, proxy: ProxyDraft) -> None:
    hello, domain = line.text(0), line.text(1)
    if hello not in ("HELO", "EHLO") or not domain:
        if hello:
            line.remark(f"'{line.keyword}' says HELO localhost: it takes HELO or EHLO and a domain", line.at(0),
                        "option smtpchk EHLO mail.example")
        hello, domain = "HELO", "localhost"
    if any(char in domain for char in "\r\n\0"):
        raise Refusal(f"'{line.keyword}' : a line end cannot be part of a domain.", line.at(1))
    _check(line, proxy, "smtp", hello=f"{hello} {domain}")


def _alone(name: str, kind: str) -> Row:
    return Row(f"option {name}", ANY_BACK, "", _plain(kind), most=0, loads=(f"option {name}",),
               fails=(f"option {name} x", f"no option {name}"))


ROWS: tuple[Row, ...] = (
    _alone("ssl-hello-chk", "ssl-hello"), _alone("redis-check", "redis"), _alone("ldap-check", "ldap"),
    Row("option mysql-check", ANY_BACK, "[user <username> [{ post-41 | pre-41 }]]", _read_mysql, most=3,
        loads=("option mysql-check", "option mysql-check user haproxy", "option mysql-check user haproxy pre-41"),
        fails=("option mysql-check haproxy", "option mysql-check user", "option mysql-check user haproxy now",
               "option mysql-check user haproxy post-41 x")),
    Row("option pgsql-check", ANY_BACK, "user <username>", _read_pgsql, most=2, loads=("option pgsql-check user haproxy",),
        fails=("option pgsql-check", "option pgsql-check user", "option pgsql-check haproxy", "option pgsql-check user a b")),
    Row("option smtpchk", ANY_BACK, "[{ HELO | EHLO } <domain>]", _read_smtp, default="HELO localhost", most=2,
        loads=("option smtpchk", "option smtpchk EHLO mail.example", "option smtpchk HELO"),
        fails=("option smtpchk EHLO a b",)),
)
