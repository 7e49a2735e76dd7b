"""`balance` and the `hash-type` family: how a server is chosen."""

from __future__ import annotations

import re

from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.row import ANY_BACK, Keyword, Line, Refusal
from proxy.config.keywords.values import integer, integer_or_none, is_field_name
from proxy.config.model import BalanceSettings
from proxy.config.suggest import did_you_mean

Row = Keyword[ProxyDraft]

PLAIN = ("roundrobin", "static-rr", "leastconn", "first", "source")
ALGORITHMS = (*PLAIN, "random", "uri", "url_param", "hdr(<name>)", "rdp-cookie")
LAYER7 = frozenset({"uri", "url_param", "hdr", "rdp-cookie"})
FUNCTIONS = ("sdbm", "djb2", "crc32", "wt6")
_CALL = re.compile(r"(hdr|random|rdp-cookie)\((.*?)\)?", re.ASCII)
_ONLY = (
    "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and "
    "'rdp-cookie(name)' options."
)


def _uri(line: Line, base: BalanceSettings) -> BalanceSettings:
    index = 1
    while index < len(line.arguments):
        word = line.text(index)
        if word in ("len", "depth"):
            value = integer_or_none(line.text(index + 1))
            if value is None or value < 1:
                raise Refusal(f"balance uri : '{word}' expects a positive integer (got '{line.text(index + 1)}').",
                              line.at(index + 1))
            base = base._replace(uri_len=value) if word == "len" else base._replace(uri_depth=value)
            index += 2
            continue
        if word == "whole":
            base = base._replace(uri_whole=True)
        elif word == "path-only":
            base = base._replace(uri_path_only=True)
        else:
            raise Refusal(
                f"balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{word}').", line.at(index)
            )
        index += 1
    return base


def _url_param(line: Line, base: BalanceSettings) -> BalanceSettings:
    if not line.text(1):
        raise Refusal("balance url_param requires an URL parameter name.", line.at(0))
    if len(line.arguments) > 2 and line.text(2) != "check_post":
        raise Refusal(f"balance url_param only accepts 'check_post' modifier (got '{line.text(2)}').", line.at(2))
    return base._replace(argument=line.text(1), check_post=len(line.arguments) > 2)


def _call(line: Line, base: BalanceSettings, name: str, argument: str) -> BalanceSettings:
    if name == "random":
        draws = integer_or_none(argument) if argument else 2
        if draws is None:
            raise Refusal(f"balance random : unexpected character '{argument[:1]}' after argument.", line.at(0))
        if draws < 1:
            raise Refusal("balance random : number of draws must be at least 1.", line.at(0))
        return base._replace(argument=str(draws))
    if not is_field_name(argument):
        raise Refusal("balance hdr requires an http header field name.", line.at(0), "for example: balance hdr(User-Agent)")
    if len(line.arguments) > 1:
        if line.text(1) != "use_domain_only":
            raise Refusal(
                f"balance hdr({argument}) only accepts 'use_domain_only' modifier (got '{line.text(1)}').", line.at(1)
            )
        base = base._replace(hdr_use_domain_only=True)
    return base._replace(argument=argument)


def _read_balance(line: Line, proxy: ProxyDraft) -> None:
    word = line.text(0, "roundrobin")
    if not line.arguments:
        line.remark("'balance' without an algorithm means 'roundrobin'", hint="balance roundrobin")
    call = _CALL.fullmatch(word)
    name = call.group(1) if call else word
    kept = proxy.balance
    base = BalanceSettings(
        name, hash_type=kept.hash_type, hash_function=kept.hash_function, hash_modifier=kept.hash_modifier,
        hash_balance_factor=kept.hash_balance_factor, where=line.where,
    )
    if name == "rdp-cookie" or word == "hash":
        raise line.unsupported(
            f"balance {name}", f"'balance {name}' is not supported by this version of pyproxy", "balance source", line.at(0)
        )
    if name in PLAIN:
        if len(line.arguments) > 1:
            line.remark(f"'balance {name}' takes no argument; '{line.text(1)}' ignored", line.at(1))
    elif name == "uri":
        base = _uri(line, base)
    elif name == "url_param":
        base = _url_param(line, base)
    elif call or name == "random":
        base = _call(line, base, name, call.group(2) if call else "")
    else:
        raise Refusal(_ONLY, line.at(0), did_you_mean(name, ALGORITHMS) or
                      "balance roundrobin shares equally, balance leastconn suits long connections")
    proxy.balance = base


def _read_hash_type(line: Line, proxy: ProxyDraft) -> None:
    kind, function, modifier = line.text(0), line.text(1), line.text(2)
    if kind == "avalanche":
        raise Refusal(
            "experimental feature 'hash-type avalanche' is not supported anymore, please use 'hash-type map-based sdbm "
            "avalanche' "
            "instead.", line.at(0), "hash-type map-based sdbm avalanche",
        )
    if kind not in ("consistent", "map-based"):
        raise Refusal("'hash-type' only supports 'consistent' and 'map-based'.", line.at(0))
    if function and function not in FUNCTIONS:
        raise Refusal("'hash-type' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash functions.", line.at(1))
    if function == "wt6":
        raise line.unsupported(
            "hash-type wt6",
            "'hash-type … wt6' is not supported by this version of pyproxy: the function is defined nowhere but in HAProxy",
            f"hash-type {kind} sdbm avalanche", line.at(1),
        )
    if modifier and modifier != "avalanche":
        raise Refusal("'hash-type' only supports 'avalanche' as a modifier for hash functions.", line.at(2))
    proxy.balance = proxy.balance._replace(hash_type=kind, hash_function=function, hash_modifier=modifier)


def _read_hash_balance_factor(line: Line, proxy: ProxyDraft) -> None:
    factor = integer(line, 0)
    if factor != 0 and factor <= 100:
        raise Refusal("'hash-balance-factor' must be 0 or greater than 100.", line.at(0))
    proxy.balance = proxy.balance._replace(hash_balance_factor=factor)


ROWS: tuple[Row, ...] = (
    Row("balance", ANY_BACK, "<algorithm> [<arguments>]", _read_balance, default="roundrobin",
        loads=("balance", *(f"balance {name}" for name in PLAIN), "balance random", "balance random(3)", "balance uri",
               "balance uri len 10 depth 2 whole", "balance uri path-only", "balance url_param user",
               "balance url_param user check_post", "balance url_param user check_post 64", "balance hdr(User-Agent)",
               "balance hdr(Host) use_domain_only"),
        fails=("balance sometimes", "balance random(0)", "balance random(x)", "balance uri len", "balance uri deep",
               "balance url_param", "balance url_param user x", "balance hdr",
               "balance hdr()", "balance hdr(Host) x", "balance rdp-cookie")),
    Row("hash-type", ANY_BACK, "{ map-based | consistent } [{ sdbm | djb2 | crc32 } [avalanche]]", _read_hash_type,
        default="map-based sdbm", least=1, missing="'hash-type' only supports 'consistent' and 'map-based'.",
        loads=("hash-type consistent", "hash-type map-based djb2", "hash-type consistent sdbm avalanche"),
        fails=("hash-type", "hash-type loose", "hash-type avalanche", "hash-type consistent md5", "hash-type consistent wt6",
               "hash-type consistent sdbm twice")),
    Row("hash-balance-factor", ANY_BACK, "<factor>", _read_hash_balance_factor, default="0 (off)", least=1, most=1,
        missing="'hash-balance-factor' expects an integer argument.", loads=("hash-balance-factor 150", "hash-balance-factor 0"),
        fails=("hash-balance-factor", "hash-balance-factor 50", "hash-balance-factor half")),
)
