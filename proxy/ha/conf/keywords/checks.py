"""The checkers of a real server."""

from __future__ import annotations

import re

from proxy.ha.conf.keywords.row import Acts, Draft, Keyword, Line, Read, Refusal, Table, nothing, read_entries
from proxy.ha.conf.keywords.tracking import read_weight
from proxy.ha.conf.keywords.values import (
    address,
    boolean,
    choice,
    command,
    integer,
    integer_of,
    interface_name,
    port,
    seconds,
    sets,
    text,
    true,
)

DNS_TYPES = ("A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA")
REGEX_OPTIONS = frozenset(
    ["allow_empty_class", "alt_bsux", "auto_callout", "caseless", "dollar_endonly", "dotall", "dupnames", "extended",
     "firstline", "match_unset_backref", "multiline", "never_ucp", "never_utf", "no_auto_capture", "no_auto_possess",
     "no_dotstar_anchor", "no_start_optimize", "ucp", "ungreedy", "utf", "never_backslash_c", "alt_circumflex",
     "alt_verbnames", "use_offset_limit"]
)
_STATUS = re.compile(r"([0-9]{3})(?:-([0-9]{3}))?", re.ASCII)
_DIGEST = re.compile(r"[0-9A-Fa-f]{32}", re.ASCII)
_HEXADECIMAL = frozenset("0123456789abcdef")
MAX_DOMAIN = 253
_DOMAIN = re.compile(r"\.|[!-\-/-~]{1,63}(?:\.[!-\-/-~]{1,63})*\.?", re.ASCII)


def basics_rows() -> tuple[Keyword, ...]:
    """What virtual server, real server and checker share; the nearer one counts."""
    return (
        Keyword("connect_timeout", "<seconds>", sets("connect_timeout_s", seconds(0.001, 4294)), "5", 1, 1,
                loads=("connect_timeout 3",),
                fails=("connect_timeout", "connect_timeout x", "connect_timeout 3 //x")),
        Keyword("delay_loop", "<seconds>", sets("delay_loop_s", seconds(0.001, 4294)), "60", 1, 1,
                loads=("delay_loop 6", "delay_loop 0.5"),
                fails=("delay_loop", "delay_loop 0", "delay_loop 6 7")),
        Keyword("retry", "<n>", sets("retry", integer(0, 2**31 - 1)), "1; DNS_CHECK 3, MISC_CHECK 0", 1, 1,
                loads=("retry 0", "retry 3"), fails=("retry", "retry x")),
        Keyword("delay_before_retry", "<seconds>", sets("delay_before_retry_s", seconds(0, 4294)),
                "1; HTTP_GET and SSL_GET 3; DNS_CHECK delay_loop", 1, 1,
                loads=("delay_before_retry 3",), fails=("delay_before_retry", "delay_before_retry x")),
        Keyword("warmup", "<seconds>", sets("warmup_s", seconds(0, 4294)), "delay_loop", 1, 1, loads=("warmup 0", "warmup 3"),
                fails=("warmup", "warmup x")),
        Keyword("alpha", "[<BOOL>]", sets("alpha", boolean), "off", most=1, loads=("alpha", "alpha off"), fails=("alpha 2",)),
    )


def _connection_rows() -> tuple[Keyword, ...]:
    return (
        Keyword("connect_ip", "<address>", sets("connect_ip", address), "the real server's", 1, 1,
                loads=("connect_ip 192.0.2.7",), fails=("connect_ip", "connect_ip host")),
        Keyword("connect_port", "<port>", sets("connect_port", port), "the real server's", 1, 1, loads=("connect_port 8080",),
                fails=("connect_port", "connect_port 0")),
        Keyword("bindto", "<address>", sets("bind_ip", address), "any", 1, 1, loads=("bindto 192.0.2.8",),
                fails=("bindto", "bindto eth0")),
        Keyword("bind_if", "<interface>", sets("bind_interface", interface_name), "any", 1, 1, loads=("bind_if eth0",),
                fails=("bind_if",)),
        Keyword("bind_port", "<port>", sets("bind_port", port), "any", 1, 1, loads=("bind_port 1024",),
                fails=("bind_port", "bind_port x")),
        Keyword("fwmark", "<n>", sets("fwmark", integer(1, 2**32 - 1)), "none", 1, 1, loads=("fwmark 5",),
                fails=("fwmark", "fwmark x")),
        Keyword("log_all_failures", "[<BOOL>]", sets("log_all_failures", boolean), "checker_log_all_failures", most=1,
                loads=("log_all_failures",),
                fails=("log_all_failures 2",)),
        *basics_rows(),
    )


def _nb_get_retry(line: Line, draft: Draft) -> None:
    draft.values["retry"] = integer_of(line.arguments[0], 0, 2**31 - 1)
    line.warn(f"'nb_get_retry' is no keyword of {draft.name}; honoured here as 'retry'", None, f"write: retry {line.text(0)}")


# keepalived refuses it in TCP_CHECK and takes it for `retry` in HTTP_GET; the tutorial's file means `retry` in both.
_NB_GET_RETRY = Keyword("nb_get_retry", "<n>", _nb_get_retry, "1", 1, 1, acts=Acts.YES,
                        fails=("nb_get_retry 3", "nb_get_retry", "nb_get_retry x"))


def _status_code(line: Line, draft: Draft) -> None:
    ranges = []
    for word in line.arguments:
        match = _STATUS.fullmatch(word.text)
        low = int(match[1]) if match else 0
        high = int(match[2] or match[1]) if match else 0
        if not 100 <= low <= high <= 999:
            raise Refusal(f"'{word.text}' is no status code or range of them", word, "write: status_code 200 301-302")
        ranges.append(range(low, high + 1))
    draft.values["status_codes"] = tuple(ranges)


def _digest(line: Line, draft: Draft) -> None:
    if not _DIGEST.fullmatch(line.text(0)):
        raise Refusal(f"'{line.text(0)}' is no MD5 digest", line.at(0), "write the 32 hexadecimal digits that genhash shows")
    draft.values["digest"] = line.text(0).lower()


def _regex(line: Line, draft: Draft) -> None:
    if len(line.arguments) > 1:
        raise Refusal("the expression is more than one word", line.at(1), f'write: regex "{" ".join(line.texts())}"')
    draft.values["regex"] = line.text(0)


def _regex_options(line: Line, draft: Draft) -> None:
    for word in line.arguments:
        if word.text not in REGEX_OPTIONS:
            raise Refusal(f"Unknown regex option '{word.text}'", word, "see the manual of pcre2api for what there is")
    draft.values["regex_options"] = tuple(line.texts())


URL_ROWS = (
    Keyword("path", "<path>", sets("path", text), "/", 1, 1, loads=("path /status",), fails=("path", "path / x")),
    Keyword("status_code", "<code or range>...", _status_code, "200-299", 1,
            loads=("status_code 200", "status_code 200-299 301 404"),
            fails=("status_code", "status_code ok", "status_code 300-200", "status_code 200 //x")),
    Keyword("digest", "<MD5>", _digest, "any", 1, 1, loads=("digest 9b3a0c85a887a256d6939da88aabd8cd",),
            fails=("digest", "digest x")),
    Keyword("virtualhost", "<name>", sets("virtualhost", text), "the real server's", 1, 1, loads=("virtualhost www.example.com",),
            fails=("virtualhost",)),
    Keyword("regex", "<expression>", _regex, "none", 1, loads=('regex "all is well"',), fails=("regex", "regex all is well")),
    Keyword("regex_no_match", "", sets("regex_no_match", true), "off", most=0, loads=("regex_no_match",),
            fails=("regex_no_match 1",)),
    Keyword("regex_options", "<option>...", _regex_options, "none", 1, loads=("regex_options caseless dotall",),
            fails=("regex_options", "regex_options icase")),
    Keyword("regex_stack", "<start> <max>", nothing, least=2, most=2, acts=Acts.IGNORED,
            instead="it tunes what this program does not have", loads=("regex_stack 1 2",)),
    Keyword("regex_min_offset", "<n>", sets("regex_min_offset", integer(0, 2**31 - 1)), "0", 1, 1, loads=("regex_min_offset 5",),
            fails=("regex_min_offset",)),
    Keyword("regex_max_offset", "<n>", sets("regex_max_offset", integer(0, 2**31 - 1)), "none", 1, 1,
            loads=("regex_max_offset 5",), fails=("regex_max_offset",)),
)


def _around(*opened: str) -> str:
    """A real server with these blocks open around the line."""
    head = "".join(f"{block} {{{{\n" for block in ("virtual_server 192.0.2.1 80",
                                                   "protocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 192.0.2.2 80", *opened))
    return head + "{}\n" + "}}\n" * (len(opened) + 2)


URL = Table("url", URL_ROWS, _around("HTTP_GET", "url"))


def _url(line: Line, draft: Draft) -> None:
    url = Draft(line.where)
    read_entries(line.entries, URL, url, line.diagnostics)
    draft.add("urls", url)


_HTTP_ROWS = (
    Keyword("url", "{ path <path>  status_code <code>... }", _url, block=True, loads=("url {\npath /\nstatus_code 200\n}",),
            fails=("url /", "url {\npaht /\n}")),
    Keyword("http_protocol", "1.0|1.0C|1.0c|1.1", sets("http_protocol", choice("1.0", "1.0C", "1.0c", "1.1")), "1.0", 1, 1,
            loads=("http_protocol 1.1",), fails=("http_protocol", "http_protocol 2")),
    Keyword("enable_sni", "", sets("enable_sni", true), "off", most=0, loads=("enable_sni",), fails=("enable_sni 1",)),
    Keyword("fast_recovery", "[<BOOL>]", sets("fast_recovery", boolean), "off", most=1, loads=("fast_recovery",),
            fails=("fast_recovery 2",)),
    Keyword("virtualhost", "<name>", sets("virtualhost", text), "the real server's", 1, 1, loads=("virtualhost www.example.com",),
            fails=("virtualhost",)),
    _NB_GET_RETRY,
    *_connection_rows(),
)

_HOST_ROWS = _connection_rows()[:5]
HOST = Table("host", _HOST_ROWS, _around("SMTP_CHECK", "host"))


def _host(line: Line, draft: Draft) -> None:
    host = Draft(line.where)
    read_entries(line.entries, HOST, host, line.diagnostics)
    draft.add("hosts", host)


_SMTP_ROWS = (
    Keyword("helo_name", "<name>", sets("helo_name", text), "host name", 1, 1, loads=("helo_name ha1",),
            fails=("helo_name", "helo_name a b")),
    Keyword("host", "{ connect_ip <address> ... }", _host, block=True, loads=("host {\nconnect_ip 192.0.2.5\n}",),
            fails=("host x", "host {\nip 1\n}")),
    *_connection_rows(),
)
def _domain(line: Line, index: int) -> str:
    word = line.arguments[index]
    if len(word.text) > MAX_DOMAIN or not _DOMAIN.fullmatch(word.text):
        raise Refusal(f"'{word.text}' is no domain name", word, "write labels of 1 to 63 ASCII characters, such as example.com")
    return word.text


_DNS_ROWS = (
    Keyword("type", "|".join(DNS_TYPES), sets("type", choice(*DNS_TYPES, folded=True)), "SOA", 1, 1, loads=("type A",),
            fails=("type", "type PTR")),
    Keyword("name", "<domain>", sets("name", _domain), ".", 1, 1,
            loads=("name example.com", "name _sip._tcp.example.com.", "name ."),
            fails=("name", "name a b", "name a..b", "name ü.com", f"name {'a' * 64}.com", f"name {'a.' * 127}a")),
    *_connection_rows(),
)


def _misc_path(line: Line, draft: Draft) -> None:
    draft.values["script"] = command(line, 0)


def _user(line: Line, draft: Draft) -> None:
    draft.values["user"], draft.values["group"] = line.text(0), line.text(1)


_MISC_ROWS = (
    Keyword("misc_path", '"<program> [<argument>...]"', _misc_path, least=1,
            loads=('misc_path "/bin/true a"', "misc_path /bin/true"), fails=("misc_path", 'misc_path ""')),
    Keyword("misc_timeout", "<seconds>", sets("timeout_s", seconds(0.001, 4294)), "delay_loop", 1, 1, loads=("misc_timeout 3",),
            fails=("misc_timeout", "misc_timeout x")),
    Keyword("misc_dynamic", "", sets("dynamic", true), "off", most=0, loads=("misc_dynamic",), fails=("misc_dynamic 1",)),
    Keyword("user", "<user> [<group>]", _user, "script_user", 1, 2, loads=("user nobody",), fails=("user", "user a b c")),
    *basics_rows()[1:],
)


def _half_octets(line: Line, joker: str) -> list[int | None]:
    """Hexadecimal digits, each word's padded to whole octets from the left."""
    found: list[int | None] = []
    for word in line.arguments:
        digits = word.text.lower()
        if not set(digits) <= _HEXADECIMAL | set(joker):
            raise Refusal(f"'{word.text}' is not hexadecimal", word, "write octets such as: 0a ff 12")
        padded = "0" * (len(digits) % 2) + digits
        found += [None if digit == "x" else int(digit, 16) for digit in padded]
    return found


def _payload(line: Line, draft: Draft) -> None:
    digits = [digit or 0 for digit in _half_octets(line, "")]
    draft.values["payload"] = bytes(high << 4 | low for high, low in zip(digits[::2], digits[1::2], strict=True))


def _require_reply(line: Line, draft: Draft) -> None:
    draft.values["require_reply"] = tuple(_half_octets(line, "x"))


_UDP_ROWS = (
    Keyword("payload", "<hexadecimal>", _payload, "random", 1, loads=("payload Ab12f 3 456",), fails=("payload", "payload xy")),
    Keyword("require_reply", "[<hexadecimal>]", _require_reply, "no reply is asked for",
            loads=("require_reply", "require_reply ab Xc"), fails=("require_reply q",)),
    Keyword("min_reply_length", "<n>", sets("min_reply_length", integer(0, 65535)), "0", 1, 1, loads=("min_reply_length 1",),
            fails=("min_reply_length",)),
    Keyword("max_reply_length", "<n>", sets("max_reply_length", integer(0, 65535)), "255", 1, 1, loads=("max_reply_length 9",),
            fails=("max_reply_length",)),
    *_connection_rows(),
)
_FILE_ROWS = (
    Keyword("track_file", "<name>", sets("track_file", text), least=1, most=1, loads=("track_file f",),
            fails=("track_file", "track_file a b")),
    Keyword("weight", "<n> [reverse]", read_weight(-(2**31) + 1, 2**31 - 1), "the track_file's", 1, loads=("weight 2 reverse",),
            fails=("weight", "weight x")),
    Keyword("dynamic", "", sets("dynamic", true), "off", most=0, loads=("dynamic",), fails=("dynamic 1",)),
)
TCP = Table("TCP_CHECK", (_NB_GET_RETRY, *_connection_rows()), _around("TCP_CHECK"))
HTTP = Table("HTTP_GET", _HTTP_ROWS, _around("HTTP_GET"))
SMTP = Table("SMTP_CHECK", _SMTP_ROWS, _around("SMTP_CHECK"))
DNS = Table("DNS_CHECK", _DNS_ROWS, _around("DNS_CHECK"))
MISC = Table("MISC_CHECK", _MISC_ROWS, _around("MISC_CHECK"))
UDP = Table("UDP_CHECK", _UDP_ROWS, _around("UDP_CHECK"))
PING = Table("PING_CHECK", _connection_rows(), _around("PING_CHECK"))
FILE = Table("FILE_CHECK", _FILE_ROWS, "track_file f {{\nfile /run/f\n}}\n" + _around("FILE_CHECK"))
TABLES = {"TCP_CHECK": TCP, "HTTP_GET": HTTP, "SSL_GET": HTTP, "SMTP_CHECK": SMTP, "DNS_CHECK": DNS, "MISC_CHECK": MISC,
          "UDP_CHECK": UDP,
          "PING_CHECK": PING, "FILE_CHECK": FILE}


def _check(table: Table) -> Read:
    def read(line: Line, draft: Draft) -> None:
        check = Draft(line.where, line.keyword)
        read_entries(line.entries, table, check, line.diagnostics)
        draft.add("checks", check)

    return read


_EXAMPLES = {
    "HTTP_GET": "HTTP_GET {\nurl {\npath /\n}\n}", "SSL_GET": "SSL_GET {\nurl {\npath /\n}\nenable_sni\n}",
    "MISC_CHECK": 'MISC_CHECK {\nmisc_path "/bin/true"\n}',
    "FILE_CHECK": "FILE_CHECK {\ntrack_file f\n}",
}
CHECK_ROWS = (
    *(Keyword(word, "{ … }", _check(table), block=True, loads=(_EXAMPLES.get(word, f"{word} {{\n}}"),),
              fails=(word, f"{word} {{\nconect_port 1\n}}")) for word, table in TABLES.items()),
    Keyword("BFD_CHECK", "{ name <name> }", nothing, block=True, acts=Acts.IGNORED,
            instead="bidirectional forwarding detection is not part of pyproxy-ha: write TCP_CHECK or PING_CHECK",
            loads=("BFD_CHECK {\nname x\n}",)),
)
