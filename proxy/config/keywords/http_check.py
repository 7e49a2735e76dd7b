"""Health checks: `option httpchk` and its like, and the steps of `http-check` and `tcp-check`."""

from __future__ import annotations

import re
import warnings
from typing import Any

from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.row import ANY_BACK, Acts, Keyword, Line, Refusal
from proxy.config.keywords.values import integer_or_none, is_field_name
from proxy.config.keywords.words import (
    LineWord,
    Values,
    WordLine,
    choice,
    flag,
    ignored,
    number,
    read_words,
    table_of,
    text,
    unsupported,
)
from proxy.config.model import CheckRule

Row = Keyword[ProxyDraft]

OK_STATUSES = {name: name for name in ("L7OK", "L7OKC", "L6OK", "L4OK")}
ERROR_STATUSES = {name: name for name in ("L7RSP", "L7STS", "L7OKC", "L6RSP", "L4CON")}
TIMEOUT_STATUSES = {name: name for name in ("L7TOUT", "L6TOUT", "L4TOUT")}
_STATUS_LIST = re.compile(r"[0-9]{3}(-[0-9]{3})?(,[0-9]{3}(-[0-9]{3})?)*", re.ASCII)
_MATCHES = ("status", "string", "rstatus", "rstring")
_OTHER_CHECKS: tuple[tuple[str, str, str], ...] = (
    ("spop-check", "", "SPOP"), ("external-check", "", "of an external program"),
)


# ---- option httpchk, option tcp-check and the others ----


def _read_httpchk(line: Line, proxy: ProxyDraft) -> None:
    words = line.texts()
    if len(words) > 3:
        raise Refusal(
            f"'option httpchk' cannot handle unexpected argument '{words[3]}'.", line.at(3),
            "headers belong to: http-check send hdr <name> <value>",
        )
    method, uri, version, hidden = "OPTIONS", "/", "HTTP/1.0", ""
    if len(words) == 1:
        uri = words[0]
    elif words:
        method, uri = words[0], words[1]
        version, _, hidden = (words[2] if len(words) == 3 else version).partition("\r\n")
    if not is_field_name(method):
        raise Refusal(f"'option httpchk' : invalid method '{method}'", line.at(0))
    fields: list[tuple[str, str]] = []
    body = ""
    if hidden:
        head, _, body = hidden.partition("\r\n\r\n")
        for field in head.split("\r\n"):
            name, colon, value = field.partition(":")
            if field and (not colon or not is_field_name(name)):
                raise Refusal(f"'option httpchk' : invalid header '{field}' after the version", line.at(2))
            if field:
                fields.append((name, value.strip(" \t")))
        line.warn(
            "'option httpchk' : hiding headers or body at the end of the version string is deprecated. Please, consider to use "
            "'http-check send' directive instead.", line.at(2),
            "http-check send" + "".join(f' hdr {name} "{value}"' for name, value in fields) + (f' body "{body}"' if body else ""),
        )
    proxy.check, proxy.check_service = "http", None
    proxy.check_request = CheckRule("send", method, uri, version, tuple(fields), body, where=line.where)
    proxy.set_at["option httpchk"] = line.where


def _read_tcp_check_option(line: Line, proxy: ProxyDraft) -> None:
    proxy.check, proxy.check_service = "tcp", None
    proxy.check_request = None


def _read_other_check(line: Line, proxy: ProxyDraft) -> None:
    what = next(what for name, _, what in _OTHER_CHECKS if line.keyword == f"option {name}")
    raise line.unsupported(
        line.keyword,
        f"'{line.keyword}' is not supported by this version of pyproxy: a check "
        f"{what if what.startswith('of') else f'by {what}'} is not made yet",
        "'check' alone tests that the server accepts connections; 'option httpchk' asks it a question",
    )


# ---- http-check and tcp-check: connect ----


def _read_port(line: Line, index: int, values: Values) -> None:
    got = line.text(index + 1)
    port = integer_or_none(got)
    if port is None:
        raise Refusal(f"'port' expects a port number: expressions are not evaluated yet (got '{got}')", line.at(index + 1), "",
                      "expressions in checks")
    if not 1 <= port <= 65535:
        raise Refusal(f"expects a valid TCP port (from range 1 to 65535) or a sample expression, got {got}.", line.at(index + 1))
    values["port"] = port


CONNECT = table_of((
    LineWord("default", "", flag("default"), loads=("default",), fails=("defaults",)),
    LineWord("port", "<port>", _read_port, 1, "the server's", loads=("port 8080",), fails=("port", "port 70000", "port http")),
    LineWord("send-proxy", "", flag("send_proxy"), loads=("send-proxy",), fails=("send-proxies",)),
    LineWord("linger", "", flag("_linger"), loads=("linger",), fails=("lingering",)),
    LineWord("comment", "<text>", text("_comment"), 1, loads=("comment there",), fails=("comment",)),
    LineWord("proto", "<name>", ignored("HTTP/1 is spoken to servers"), 1, acts=Acts.IGNORED, loads=("proto h1",),
             fails=("proto",)),
    LineWord("via-socks4", "", ignored("it has a meaning with 'socks4' only"), acts=Acts.IGNORED, loads=("via-socks4",),
             fails=("via-socks5",)),
    LineWord("addr", "<ip>", unsupported("http-check connect addr", "it would check another machine", "server … addr <ip>"), 1,
             acts=Acts.UNSUPPORTED, feature="http-check connect addr", fails=("addr 192.0.2.1",)),
    LineWord("ssl", "", unsupported("http-check connect ssl", "TLS is not spoken yet"), acts=Acts.UNSUPPORTED,
             feature="http-check connect ssl", fails=("ssl",)),
    LineWord("sni", "<sni>", ignored("it has a meaning with 'ssl' only"), 1, acts=Acts.IGNORED, loads=("sni www.example",),
             fails=("sni",)),
    LineWord("alpn", "<alpn>", ignored("it has a meaning with 'ssl' only"), 1, acts=Acts.IGNORED, loads=("alpn h2",),
             fails=("alpn",)),
))


_CONNECT_ONLY = (
    "expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', 'default' but got "
    "'{got}' as "
    "argument.."
)


def _read_connect(line: Line, proxy: ProxyDraft) -> None:
    values: dict[str, Any] = {}
    read_words(line, 0, CONNECT, values, WordLine(f"'{line.keyword}'", tail=".", unknown=f"'{line.keyword}' : {_CONNECT_ONLY}"))
    rules = proxy.http_check_rules if line.keyword.startswith("http") else proxy.tcp_check_rules
    if rules and rules[0].kind != "connect":
        raise Refusal(
            f"'{line.keyword}' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' or a "
            "'comment', when there is a 'connect' step in the tcp-check ruleset.", line.statement,
            "begin with the 'connect' step",
        )
    known = {name: values[name] for name in ("port", "send_proxy", "default") if name in values}
    rules.append(CheckRule("connect", where=line.where, **known))


# ---- http-check send ----


def _read_header(line: Line, index: int, values: Values) -> None:
    name, value = line.text(index + 1), line.text(index + 2)
    if not is_field_name(name):
        raise Refusal("'hdr' expects <name> and <value> as arguments.", line.at(index + 1), "for example: hdr Host www.example")
    values.setdefault("fields", []).append((name, value))


SEND = table_of((
    LineWord("meth", "<method>", text("method"), 1, "OPTIONS", missing="'meth' expects a string as argument.",
             loads=("meth GET",), fails=("meth",)),
    LineWord("uri", "<uri>", text("uri"), 1, "/", missing="'uri' expects a string as argument.", loads=("uri /alive",),
             fails=("uri",)),
    LineWord("ver", "<version>", text("version"), 1, "HTTP/1.0", missing="'ver' expects a string as argument.",
             loads=("ver HTTP/1.1",), fails=("ver",)),
    LineWord("hdr", "<name> <value>", _read_header, 2, missing="'hdr' expects <name> and <value> as arguments",
             loads=("hdr Host www.example hdr X-From checker",), fails=("hdr", "hdr Host", 'hdr "a b" c')),
    LineWord("body", "<text>", text("body"), 1, missing="'body' expects a string as argument.", loads=("meth POST body hello",),
             fails=("body",)),
    LineWord("comment", "<text>", text("_comment"), 1, loads=("comment there",), fails=("comment",)),
    *(LineWord(name, "<format>", unsupported(f"http-check send {name}", "expressions are not evaluated yet",
                                             f"http-check send {name[:-3]}"), 1,
               acts=Acts.UNSUPPORTED, feature=f"http-check send {name}", fails=(f"{name} /%[str(a)]",))
      for name in ("uri-lf", "body-lf")),
))


_SEND_ONLY = (
    "'http-check send' : expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got '{got}' as "
    "argument.."
)


def _read_send(line: Line, proxy: ProxyDraft) -> None:
    values: dict[str, Any] = {}
    read_words(line, 0, SEND, values, WordLine("'http-check send'", tail=".", unknown=_SEND_ONLY))
    values.pop("_comment", None)
    values["fields"] = tuple(values.get("fields", ()))
    proxy.http_check_rules.append(CheckRule("send", **{**_unset_send(), **values}, where=line.where))


def _unset_send() -> dict[str, Any]:
    """What a step leaves to `option httpchk` is the empty text here; `checks` fills it in."""
    return {"method": "", "uri": "", "version": ""}


# ---- http-check expect ----


def _read_match(line: Line, index: int, values: Values) -> None:
    what, pattern = line.text(index), line.text(index + 1)
    if not pattern:
        raise Refusal(f"'{what}' expects a <pattern> as argument.", line.at(index))
    if what == "status":
        _check_status_list(line, index + 1, pattern)
    elif what in ("rstatus", "rstring"):
        _check_regex(line, index + 1, pattern)
    values["what"], values["pattern"] = what, pattern


def _check_regex(line: Line, index: int, pattern: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")             # Python's opinion on old spellings is not the user's concern
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise Refusal(f"regex '{pattern}' is invalid (error={error}).", line.at(index)) from None


def _check_status_list(line: Line, index: int, pattern: str) -> None:
    bad = next((letter for letter in pattern if letter not in "0123456789-,"), "")
    if bad:
        raise Refusal(f"invalid character '{bad}' in the list of status codes.", line.at(index),
                      "for example: status 200,301-399")
    if not _STATUS_LIST.fullmatch(pattern):
        raise Refusal(f"invalid status code '{pattern}'.", line.at(index), "for example: status 200,301-399")
    for part in pattern.split(","):
        low, _, high = part.partition("-")
        if high and int(low) > int(high):
            raise Refusal(f"invalid range of status codes '{part}'.", line.at(index))


def _negate(line: Line, index: int, values: Values) -> None:
    if line.text(index + 1) not in _MATCHES:
        raise Refusal(f"'!' expects one of {', '.join(_MATCHES)} (got '{line.text(index + 1)}')", line.at(index))
    values["negated"] = True


def _status(field: str, allowed: dict[str, str], name: str, listed: str) -> Any:
    return choice(field, allowed, f"'{name}' only supports {listed} status (got '{{got}}').")


EXPECT = table_of((
    *(LineWord(name, "<pattern>", _read_match, 1, missing=f"'{name}' expects a <pattern> as argument.",
               loads=(f"{name} 200", f"! {name} 200"),
               fails=(name, f"{name} 200 300"))
      for name in _MATCHES),
    LineWord("!", "", _negate, loads=("! status 500",), fails=("! min-recv 5",)),
    LineWord("comment", "<text>", text("comment"), 1, loads=("comment alive status 200",), fails=("comment",)),
    LineWord("min-recv", "<octets>", number("min_recv", -1, 16384), 1, "-1", loads=("min-recv 5 string ok",),
             fails=("min-recv", "min-recv some string ok")),
    LineWord("ok-status", "<status>", _status("ok_status", OK_STATUSES, "ok-status", "'L4OK', 'L6OK', 'L7OK' or 'L7OKC'"), 1,
             "L7OK",
             loads=("ok-status L7OKC status 404",), fails=("ok-status", "ok-status FINE status 404")),
    LineWord("error-status", "<status>",
             _status("error_status", ERROR_STATUSES, "error-status", "'L4CON', 'L6RSP', 'L7RSP', 'L7STS' or 'L7OKC'"), 1,
             "L7STS", loads=("error-status L7RSP status 200",), fails=("error-status", "error-status BAD status 200")),
    LineWord("tout-status", "<status>", _status("timeout_status", TIMEOUT_STATUSES, "tout-status",
                                                "'L4TOUT', 'L6TOUT' or 'L7TOUT'"), 1,
             "L7TOUT", loads=("tout-status L6TOUT status 200",), fails=("tout-status", "tout-status LATE status 200")),
    LineWord("on-success", "<format>", text("on_success"), 1, loads=("on-success fine status 200",), fails=("on-success",)),
    LineWord("on-error", "<format>", text("on_error"), 1, loads=("on-error broken status 200",), fails=("on-error",)),
    LineWord("status-code", "<expr>", unsupported("http-check expect status-code", "expressions are not evaluated yet"), 1,
             acts=Acts.UNSUPPORTED, feature="http-check expect status-code", fails=("status-code res.status status 200",)),
    *(LineWord(name, "name <name> [value <value>]", unsupported(f"http-check expect {name}",
                                                                "fields of the answer are not examined yet"),
               acts=Acts.UNSUPPORTED, feature=f"http-check expect {name}", fails=(f"{name} name x-up value yes",))
      for name in ("hdr", "fhdr")),
    LineWord("string-lf", "<format>", unsupported("http-check expect string-lf", "expressions are not evaluated yet", "string"),
             1,
             acts=Acts.UNSUPPORTED, feature="http-check expect string-lf", fails=("string-lf up",)),
))
_EXPECT_ONLY = (
    "'http-check expect' : 'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', "
    "[!]hdr, [!]fhdr "
    "or comment but got '{got}' as argument.."
)


def _read_expect(line: Line, proxy: ProxyDraft) -> None:
    values: dict[str, Any] = {}
    before = len(line.diagnostics)
    known = next((word for word in line.arguments if word.text.lstrip("!") in EXPECT or word.text == "!"), None)
    if known is None:
        raise Refusal(_EXPECT_ONLY.format(got=line.text(0)), line.at(0), "for example: http-check expect status 200")
    read_words(line, 0, EXPECT, values, WordLine("'http-check expect'", unknown=_EXPECT_ONLY))
    if "what" not in values:
        if len(line.diagnostics) == before:
            raise Refusal("'http-check expect' : expects at least a matching pattern as arguments.", line.statement,
                          "http-check expect status 200")
        return
    _check_step(line, proxy, "expect", "send")
    proxy.http_check_rules.append(CheckRule("expect", **values, where=line.where))


def _check_step(line: Line, proxy: ProxyDraft, step: str, needed: str) -> None:
    rules = proxy.http_check_rules
    if rules and rules[-1].kind == "connect" and step == "expect":
        raise Refusal(
            f"'http-check {step}' : unable to add http-check {step} rule at step {len(rules) + 1} (missing {needed} rule).",
            line.statement,
            "http-check send meth GET uri /",
        )


# ---- the rest ----


def _read_disable_on_404(line: Line, proxy: ProxyDraft) -> None:
    proxy.disable_on_404 = line.where


def _read_send_state(line: Line, proxy: ProxyDraft) -> None:
    proxy.send_state = line.where


def _ignore_step(line: Line, proxy: ProxyDraft) -> None:
    """A comment."""


def _unsupported_step(line: Line, proxy: ProxyDraft) -> None:
    raise line.unsupported(
        line.keyword, f"'{line.keyword}' is not supported by this version of pyproxy: only connections are tested in 'tcp-check'"
        if line.keyword.startswith("tcp") else f"'{line.keyword}' is not supported by this version of pyproxy: expressions are "
                                               "not evaluated yet",
        "'option tcp-check' alone, or with 'tcp-check connect port <port>', tests that the server accepts connections",
    )


def unknown(got: str) -> str:
    """HAProxy's words for an `http-check` step that does not exist."""
    return (
        "'http-check' only supports 'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect', 'set-var-fmt(*)', "
        f"'set-var(*)', 'unset-var(*)'. but got '{got}'"
    )


def unknown_tcp(got: str) -> str:
    """The same for `tcp-check`."""
    return (
        "'tcp-check' only supports 'comment', 'connect', 'send', 'send-binary', 'expect', 'set-var-fmt(*)', 'set-var(*)', "
        f"'unset-var(*)'. but got '{got}'"
    )


def completed(rule: CheckRule, request: CheckRule) -> CheckRule:
    """A `send` step with what it leaves out taken from the request of `option httpchk`."""
    method, uri, version = rule.method or request.method, rule.uri or request.uri, rule.version or request.version
    return rule._replace(method=method, uri=uri, version=version, fields=rule.fields or request.fields,
                   body=rule.body or request.body)


ROWS: tuple[Row, ...] = (
    Row("option httpchk", ANY_BACK, "[<method>] [<uri> [<version>]]", _read_httpchk, default="OPTIONS / HTTP/1.0",
        loads=("option httpchk", "option httpchk /alive", "option httpchk GET /alive", "option httpchk GET /alive HTTP/1.1",
               "option httpchk GET / HTTP/1.1\\r\\nHost:\\ www.example"),
        fails=("option httpchk GET / HTTP/1.1 a", "no option httpchk")),
    Row("option tcp-check", ANY_BACK, "", _read_tcp_check_option, most=0, loads=("option tcp-check",),
        fails=("option tcp-check x",)),
    *(Row(f"option {name}", ANY_BACK, usage, _read_other_check, acts=Acts.UNSUPPORTED, feature=f"option {name}",
          fails=(f"option {name}",))
      for name, usage, _ in _OTHER_CHECKS),
    Row("http-check connect", ANY_BACK, "[default] [port <port>] [send-proxy] [linger] [comment <text>]", _read_connect,
        loads=("option httpchk\nhttp-check connect port 8080\nhttp-check send uri /alive",),
        fails=("http-check connect loud", "http-check connect port 99999",
               "http-check send meth GET\nhttp-check expect status 200\nhttp-check connect")),
    Row("http-check send", ANY_BACK, "[meth <method>] [uri <uri>] [ver <version>] [hdr <name> <value>]... [body <text>]",
        _read_send,
        loads=("option httpchk\nhttp-check send meth GET uri /alive ver HTTP/1.1 hdr Host www.example",),
        fails=("http-check send loud", "http-check send meth", "http-check send hdr Host",
               "option httpchk\nhttp-check send meth GET\nhttp-check send meth HEAD")),
    Row("http-check expect", ANY_BACK, "[!] { status | string | rstatus | rstring } <pattern> [<word>]...", _read_expect,
        default="status 200-399",
        least=1, missing="'http-check expect' : expects at least a matching pattern as arguments.",
        loads=("option httpchk\nhttp-check expect status 200,204,300-399", "option httpchk\nhttp-check expect ! string error",
               "option httpchk\nhttp-check expect rstatus ^[23]", "option httpchk\nhttp-check expect rstring ok|fine"),
        fails=("http-check expect", "http-check expect 200", "http-check expect status", "http-check expect status 2xx",
               "http-check expect status 300-200", "http-check expect rstring (", "http-check expect string a b")),
    Row("http-check disable-on-404", ANY_BACK, "", _read_disable_on_404, default="off", most=0,
        loads=("http-check disable-on-404",),
        fails=("http-check disable-on-404 x",)),
    Row("http-check send-state", ANY_BACK, "", _read_send_state, default="off", most=0,
        loads=("http-check send-state",),
        fails=("http-check send-states",)),
    Row("http-check comment", ANY_BACK, "<text>", _ignore_step, least=1,
        missing="'http-check comment' : expects a string as argument.",
        loads=("http-check comment alive",), fails=("http-check comment",)),
    Row("tcp-check connect", ANY_BACK, "[default] [port <port>] [send-proxy] [linger] [comment <text>]", _read_connect,
        loads=("option tcp-check\ntcp-check connect port 8080",), fails=("tcp-check connect loud",
                                                                         "tcp-check connect port 99999")),
    Row("tcp-check comment", ANY_BACK, "<text>", _ignore_step, least=1,
        missing="'tcp-check comment' : expects a string as argument.",
        loads=("tcp-check comment alive",), fails=("tcp-check comment",)),
    *(Row(f"tcp-check {name}", ANY_BACK, "<text>", _unsupported_step, least=1, acts=Acts.UNSUPPORTED, feature=f"tcp-check {name}",
          missing=f"'tcp-check {name}' : expects a string as argument.", fails=(f"tcp-check {name} PING",))
      for name in ("send", "send-lf", "send-binary", "send-binary-lf", "expect")),
)
