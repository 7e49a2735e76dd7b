"""The lines of `virtual_ipaddress`, `virtual_ipaddress_excluded` and `static_ipaddress`: an address and `ip address` words."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import Any

from proxy.config.diagnostics import Diagnostics
from proxy.config.statements import Word
from proxy.config.suggest import did_you_mean
from proxy.ha.conf.blocks import Entry
from proxy.ha.conf.keywords.row import Draft, Line, Read, Refusal
from proxy.ha.conf.keywords.values import address_of, integer_of
from proxy.ha.conf.routing import IpInterface, VirtualAddress

SCOPES = ("global", "site", "link", "host", "nowhere")
_SWITCHES = {
    "home": "home", "-nodad": "dad", "mngtmpaddr": "mngtmpaddr", "noprefixroute": "noprefixroute",
    "autojoin": "autojoin", "no_track": "no_track",
}
_VALUED = ("brd", "broadcast", "dev", "scope", "label", "peer", "preferred_lft")
_WITHOUT_EFFECT = {
    "use_vmac": "the address answers with the interface's own MAC address, and gratuitous ARP tells the neighbours",
    "track_group": "the address is put back when somebody removes it",
}


def interface_of(word: Word) -> IpInterface:
    """An address with its prefix; a bare address is a host's (/32, /128).

    Raises: Refusal.
    """
    try:
        if "%" in word.text:
            raise ValueError
        return ip_interface(word.text)
    except ValueError:
        raise Refusal(f"malformed address '{word.text}'", word,
                      "write an address such as 192.0.2.1/24 or 2001:db8::1/64") from None


def reads_addresses(name: str) -> Read:
    """A block of addresses that adds to one field."""

    def read(line: Line, draft: Draft) -> None:
        for entry in line.entries:
            try:
                draft.add(name, _address(entry, line.diagnostics))
            except Refusal as refusal:
                line.warn(refusal.message, refusal.at, refusal.hint)

    return read


def _address(entry: Entry, diagnostics: Diagnostics) -> VirtualAddress:
    interface = interface_of(entry.words[0])
    found: dict[str, Any] = {}
    index = 1
    words = entry.words
    while index < len(words):
        word = words[index]
        if word.text in _SWITCHES:
            found[_SWITCHES[word.text]] = True
        elif word.text in _WITHOUT_EFFECT:
            if word.text == "track_group":
                index += 1
            diagnostics.warning(word, f"'{word.text}' is not acted on by pyproxy-ha; ignored", _WITHOUT_EFFECT[word.text],
                                entry.keyword,
                                word.text)
        elif word.text == "nodad":
            found["dad"] = False
        elif word.text in _VALUED:
            if index + 1 >= len(words):
                raise Refusal(f"'{word.text}' needs a value", word, f"write: {entry.keyword} {word.text} …")
            index += 1
            found.update(_option(word.text, words[index], interface))
        else:
            extra = " ".join(each.text for each in words[index:])
            clean = " ".join(each.text for each in words[:index])
            hint = did_you_mean(word.text, [*_VALUED, *_SWITCHES]) or f"write: {clean}"
            diagnostics.warning(word, f"Unknown configuration entry '{extra}' for ip address - ignoring", hint, entry.keyword)
            break
        index += 1
    return VirtualAddress(interface, where=entry.where, **found)


def _option(name: str, value: Word, interface: IpInterface) -> dict[str, Any]:
    match name:
        case "dev":
            if len(value.text) > 15 or "/" in value.text:
                raise Refusal(f"'{value.text}' is no interface name", value, "a name has at most 15 characters, and no '/'")
            return {"device": value.text}
        case "label":
            if len(value.text) > 15:
                raise Refusal(f"the label '{value.text}' is too long", value, "a label has at most 15 characters, such as eth0:1")
            return {"label": value.text}
        case "scope":
            if value.text not in SCOPES:
                raise Refusal(f"unknown scope '{value.text}'", value, f"write {', '.join(SCOPES[:-1])} or {SCOPES[-1]}")
            return {"scope": value.text}
        case "brd" | "broadcast":
            if interface.version == 6:
                raise Refusal("IPv6 has no broadcast address", value, "take out brd and its value")
            return {"broadcast": value.text if value.text in ("+", "-") else str(address_of(value, "broadcast address"))}
        case "peer":
            return {"peer": interface_of(value)}
    forever = value.text == "forever"       # preferred_lft
    return {"preferred_lft_s": None if forever else integer_of(value, 0, 2**31 - 1), "preferred_forever": forever}
