"""The lines of `virtual_routes`, `virtual_rules` and their static kin: `ip route` and `ip rule` words, in full."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any

from proxy.config.statements import Word
from proxy.ha.conf.blocks import Entry
from proxy.ha.conf.keywords.row import Draft, Line, Read, Refusal
from proxy.ha.conf.keywords.values import address_of, integer_of
from proxy.ha.conf.routing import IpNetwork, NextHop, Route, Rule

KINDS = ("unicast", "blackhole", "unreachable", "prohibit", "throw", "local")
METRICS = ("mtu", "advmss", "window", "rtt", "rttvar", "ssthresh", "cwnd", "reordering", "hoplimit", "initcwnd", "initrwnd",
           "rto_min", "quickack")
ACTIONS = ("blackhole", "unreachable", "prohibit", "nop")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{1,63}", re.ASCII)
_MARK = re.compile(r"([0-9]{1,10}|0x[0-9a-fA-F]{1,8})(?:/([0-9]{1,10}|0x[0-9a-fA-F]{1,8}))?", re.ASCII)


def network_of(word: Word, six: bool = False) -> IpNetwork:
    """A network; `default` is every address, host bits are cut off.

    Raises: Refusal.
    """
    text = ("::/0" if six else "0.0.0.0/0") if word.text in ("default", "all") else word.text
    try:
        if "%" in text:
            raise ValueError
        return ip_network(text, strict=False)
    except ValueError:
        raise Refusal(f"malformed network '{word.text}'", word, "write a network such as 192.0.2.0/24, or: default") from None


class _Words:
    """The words of a line, taken one after the other."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self._words = list(entry.words)

    def __bool__(self) -> bool:
        return bool(self._words)

    @property
    def text(self) -> str:
        return self._words[0].text if self._words else ""

    def take(self) -> Word:
        return self._words.pop(0)

    def value(self, keyword: Word) -> Word:
        if not self._words:
            raise Refusal(f"'{keyword.text}' needs a value", keyword, f"write: {keyword.text} …")
        return self._words.pop(0)


def reads_routes(name: str) -> Read:
    """A block of routes that adds to one field."""
    return _reads(name, _route)


def reads_rules(name: str) -> Read:
    """A block of rules that adds to one field."""
    return _reads(name, _rule)


def _reads(name: str, read_line: Any) -> Read:
    def read(line: Line, draft: Draft) -> None:
        for entry in line.entries:
            try:
                draft.add(name, read_line(line, entry))
            except Refusal as refusal:
                line.warn(refusal.message, refusal.at, refusal.hint)

    return read


def _route(line: Line, entry: Entry) -> Route:
    words = _Words(entry)
    found: dict[str, Any] = {}
    hop: dict[str, Any] = {}
    hops: list[NextHop] = []
    metrics: list[tuple[str, int, bool]] = []
    six = any(word.text == "inet6" or (":" in word.text and "/" in word.text) for word in entry.words)
    while words:
        word = words.take()
        match word.text:
            case kind if kind in KINDS:
                found["kind"] = kind
            case "to":
                found["destination"] = network_of(words.value(word), six)
            case "src":
                found["source"] = address_of(words.value(word))
            case "via" | "gw":
                if words.text in ("inet", "inet6"):
                    words.take()
                hop["via"] = address_of(words.value(word), "gateway")
            case "or":
                hops.append(NextHop(**hop))
                hop = {"via": address_of(words.value(word), "gateway")}
            case "nexthop":
                if hop:
                    hops.append(NextHop(**hop))
                hop = {}
            case "dev" | "oif":
                hop["device"] = _device(words.value(word))
            case "weight":
                hop["weight"] = integer_of(words.value(word), 1, 256)
            case "onlink":
                hop["onlink"] = True
            case "table":
                found["table"] = _table(words.value(word))
            case "protocol" | "proto":
                found["protocol"] = words.value(word).text
            case "scope":
                found["scope"] = words.value(word).text
            case "metric" | "priority" | "preference":
                found["priority"] = integer_of(words.value(word), 0, 2**32 - 1)
            case "tos" | "dsfield":
                found["tos"] = integer_of(words.value(word), 0, 255)
            case metric if metric in METRICS:
                locked = words.text == "lock"
                if locked:
                    words.take()
                metrics.append((metric, integer_of(words.value(word), 0, 2**32 - 1), locked))
            case "append":
                found["append"] = True
            case "no_track":
                found["no_track"] = True
            case "track_group":
                words.value(word)
                line.warn("'track_group' is not acted on by pyproxy-ha; ignored", word, "it is put back when somebody removes it",
                          "track_group")
            case "inet" | "inet6":
                pass
            case _ if "destination" not in found and (word.text[:1].isdigit() or ":" in word.text
                                                      or word.text in ("default", "all")):
                found["destination"] = network_of(word, six)
            case _:
                raise Refusal(f"Unknown route option '{word.text}'", word, "routes take the words of ip-route(8), not shortened")
    if "destination" not in found:
        raise Refusal("a route needs its destination", entry.words[0], "write: 192.0.2.0/24 via 198.51.100.1 dev eth0")
    if hop:
        hops.append(NextHop(**hop))
    return Route(hops=tuple(hops), metrics=tuple(metrics), where=entry.where, **found)


def _rule(line: Line, entry: Entry) -> Rule:
    words = _Words(entry)
    found: dict[str, Any] = {}
    family = 0
    while words:
        word = words.take()
        match word.text:
            case "not":
                found["inverted"] = True
            case "from" | "to":
                network = network_of(words.value(word), any(":" in each.text for each in entry.words))
                family = network.version
                found["source" if word.text == "from" else "destination"] = network
            case "table" | "lookup":
                found["table"] = _table(words.value(word))
            case "iif" | "dev":
                found["iif"] = _device(words.value(word))
            case "oif":
                found["oif"] = _device(words.value(word))
            case "tos" | "dsfield":
                found["tos"] = integer_of(words.value(word), 0, 255)
            case "fwmark":
                found["fwmark"], found["fwmask"] = _mark(words.value(word))
            case "preference" | "pref" | "priority" | "order":
                found["priority"] = integer_of(words.value(word), 0, 2**32 - 1)
            case "goto":
                found["action"], found["goto"] = "goto", integer_of(words.value(word), 1, 2**32 - 1)
            case "suppress_prefixlength":
                found["suppress_prefixlength"] = integer_of(words.value(word), 0, 128)
            case action if action in ACTIONS:
                found["action"] = action
            case "no_track":
                found["no_track"] = True
            case "track_group":
                words.value(word)
                line.warn("'track_group' is not acted on by pyproxy-ha; ignored", word, "it is put back when somebody removes it",
                          "track_group")
            case "inet" | "inet6":
                family = family or (6 if word.text == "inet6" else 4)
            case _:
                raise Refusal(f"Unknown rule option '{word.text}'", word, "rules take the words of ip-rule(8), not shortened")
    if not found.get("table") and found.get("action", "lookup") == "lookup":
        raise Refusal("a rule needs a table or an action", entry.words[0], "write: from 192.0.2.0/24 table 100")
    return Rule(family or 4, where=entry.where, **found)


def _device(word: Word) -> str:
    if len(word.text) > 15 or "/" in word.text:
        raise Refusal(f"'{word.text}' is no interface name", word, "a name has at most 15 characters, and no '/'")
    return word.text


def _table(word: Word) -> str:
    if not _TABLE.fullmatch(word.text):
        raise Refusal(f"'{word.text}' is no routing table", word, "write a number or a name of /etc/iproute2/rt_tables")
    return word.text


def _mark(word: Word) -> tuple[int, int | None]:
    match = _MARK.fullmatch(word.text)
    if match is None:
        raise Refusal(f"'{word.text}' is no mark", word, "write a number, or number/mask")
    mark = int(match[1], 0 if match[1].startswith("0x") else 10)
    mask = int(match[2], 0 if match[2].startswith("0x") else 10) if match[2] else None
    if mark > 2**32 - 1 or (mask or 0) > 2**32 - 1:
        raise Refusal(f"'{word.text}' has more than 32 bits", word)
    return mark, mask
