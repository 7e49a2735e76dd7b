"""`cookie`: persistence by a cookie."""

from __future__ import annotations

import re
from typing import Any

from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.row import ANY_BACK, Acts, Keyword, Line, Refusal
from proxy.config.keywords.values import is_field_name, time_ms
from proxy.config.model import CookieSettings
from proxy.config.suggest import did_you_mean

Row = Keyword[ProxyDraft]

MODES = ("rewrite", "insert", "prefix")
FLAGS = ("indirect", "nocache", "postonly", "preserve", "httponly", "secure", "dynamic")
WITH_VALUE = ("domain", "maxidle", "maxlife", "attr")
_SUPPORTS = (
    "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', 'maxidle', 'dynamic', "
    "'maxlife' "
    "and 'attr' options."
)
_BAD_IN_ATTR = re.compile(r"[\x00-\x1f\x7f;]")


def _seconds(line: Line, index: int) -> int:
    option = line.text(index)
    if index + 1 >= len(line.arguments):
        raise Refusal(f"'{option}' expects <{'idletime' if option == 'maxidle' else 'lifetime'}> in seconds as argument.",
                      line.at(index))
    return time_ms(line, index + 1, f"in argument to <{option}>.", "s") // 1000


def _domain(line: Line, index: int) -> str:
    domain = line.text(index + 1)
    if not domain or _BAD_IN_ATTR.search(domain):
        raise Refusal("'domain' expects <domain> as argument.", line.at(index))
    if "." not in domain.strip("."):
        line.warn(
            f"domain '{domain}' contains no embedded dot, this configuration may not work properly (see RFC6265#5.2.3).",
            line.at(index + 1)
        )
    return domain


def _attribute(line: Line, index: int) -> str:
    attribute = line.text(index + 1)
    if not attribute:
        raise Refusal("'attr' expects <value> as argument.", line.at(index))
    bad = _BAD_IN_ATTR.search(attribute)
    if bad:
        raise Refusal(f"character '%x{ord(bad.group()):02X}' is not permitted in attribute value.", line.at(index + 1))
    return attribute


def _read_cookie(line: Line, proxy: ProxyDraft) -> None:
    name = line.text(0)
    if not is_field_name(name):
        raise Refusal("'cookie' expects <cookie_name> as argument.", line.at(0),
                      "letters, digits, - and _; for example: cookie SRV insert")
    chosen: dict[str, Any] = {"domains": [], "attrs": []}
    modes: set[str] = set()
    index = 1
    while index < len(line.arguments):
        word = line.text(index)
        if word in MODES:
            modes.add(word)
        elif word in FLAGS:
            chosen[word] = True
        elif word in ("maxidle", "maxlife"):
            chosen[f"{word}_s"] = _seconds(line, index)
            index += 1
        elif word == "domain":
            chosen["domains"].append(_domain(line, index))
            index += 1
        elif word == "attr":
            chosen["attrs"].append(_attribute(line, index))
            index += 1
        else:
            raise Refusal(_SUPPORTS, line.at(index), did_you_mean(word, (*MODES, *FLAGS, *WITH_VALUE)))
        index += 1
    if len(modes) > 1:
        raise Refusal("cookie 'rewrite', 'insert' and 'prefix' modes are incompatible.", line.at(1), "keep one of them")
    if "rewrite" in modes and chosen.get("indirect"):
        raise Refusal("cookie 'rewrite' and 'indirect' modes are incompatible.", line.statement, "keep one of them")
    if chosen.get("preserve") and "insert" not in modes and not chosen.get("indirect"):
        raise Refusal("cookie 'preserve' requires at least 'insert' or 'indirect'.", line.statement,
                      f"cookie {name} insert preserve")
    if chosen.get("dynamic"):
        raise line.unsupported(
            "cookie … dynamic", "'cookie … dynamic' is not supported by this version of pyproxy",
            "give each server a value: server … cookie <value>",
        )
    proxy.cookie = CookieSettings(
        name, mode=modes.pop() if modes else "", where=line.where, domains=tuple(chosen.pop("domains")),
        attrs=tuple(chosen.pop("attrs")), **chosen,
    )


def _read_dynamic_key(line: Line, proxy: ProxyDraft) -> None:
    line.ignored("dynamic-cookie-key", because="it has an effect with 'cookie … dynamic' only")


ROWS: tuple[Row, ...] = (
    Row("cookie", ANY_BACK, "<name> [rewrite | insert | prefix] [indirect] [nocache] [postonly] [preserve] [httponly] [secure] "
        "[domain <domain>]... [maxidle <idle>] [maxlife <life>] [attr <value>]...", _read_cookie, least=1,
        missing="'cookie' expects <cookie_name> as argument.",
        loads=("cookie SRV", "cookie SRV insert indirect nocache", "cookie SRV rewrite", "cookie SRV prefix nocache",
               "cookie SRV insert postonly preserve httponly secure domain .example.com maxidle 30m maxlife 8h",
               'cookie SRV insert attr "SameSite=Lax"'),
        fails=("cookie", "cookie SRV update", "cookie SRV rewrite insert", "cookie SRV rewrite indirect",
               "cookie SRV insert domain",
               "cookie SRV insert maxidle", "cookie SRV insert maxidle long", "cookie SRV insert attr",
               "cookie SRV insert attr a;b",
               "cookie SRV rewrite preserve", "cookie SRV insert dynamic")),
    Row("dynamic-cookie-key", ANY_BACK, "<string>", _read_dynamic_key, least=1, most=1, acts=Acts.IGNORED,
        missing="'dynamic-cookie-key' expects <secret_key> as argument.", loads=("dynamic-cookie-key secret",),
        fails=("dynamic-cookie-key",)),
)
