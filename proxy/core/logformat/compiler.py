"""A format's items made into one template and the getters of its values: a line is one `%` of octets."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.base.log_format_text import HTTPLOG, TCPLOG, FormatItem, ItemKind, parse_log_format
from proxy.base.octets import octets_of
from proxy.core.logformat.fields import FIELDS, Getter, Slot
from proxy.core.logformat.ready_lines import Line, http_line, tcp_line
from proxy.core.logformat.site import Site
from proxy.runtime.log import LogRecord

# What a proxy logs that asks for no format, as soon as the stream begins. Source: configuration manual, section 8.2.1.
DEFAULT_HTTP = "Connect from %ci:%cp to %fi:%fp (%f/HTTP)"
DEFAULT_TCP = "Connect from %ci:%cp to %fi:%fp (%f/TCP)"


_READY = {
    parse_log_format(HTTPLOG, http=True).items: http_line,
    parse_log_format(TCPLOG, http=False).items: tcp_line,
}


class LogFormat:
    """A compiled format: `line` writes the line of one stream, without an end of line."""

    __slots__ = ("line", "site")

    def __init__(self, line: Line, site: Site) -> None:
        self.line = line
        self.site = site


def compile_format(text: str, *, http: bool, site: Site | None = None) -> LogFormat:
    """Compile the text of a format.

    Raises: LogFormatError for a text that `parse_log_format` refuses.
    """
    return compile_items(parse_log_format(text, http=http).items, site or Site())


def compile_items(items: Sequence[FormatItem], site: Site) -> LogFormat:
    """Compile a format that was read before."""
    ready = _READY.get(tuple(items))
    return LogFormat(ready(site) if ready else template_line(items, site), site)


def template_line(items: Sequence[FormatItem], site: Site) -> Line:
    """Any format, as one template and the getters that fill it."""
    template, at = b"", 0
    getters: list[Getter] = []
    after_space = True                      # a line does not begin with a separator
    while at < len(items):
        if items[at].kind is not ItemKind.VARIABLE:
            template += octets_of(items[at].text).replace(b"%", b"%%")
            after_space = items[at].kind is ItemKind.SPACE
            at += 1
            continue
        group = _slots_that_vanish(items, at, site) if after_space else []
        end = at + len(group)
        if group and end < len(items) and items[end].kind is ItemKind.SPACE:
            getters.append(_with_its_space(group))
            template += b"%b"
            at = end + 1                    # `after_space` stays true, whether the group shows or not
            continue
        slot = FIELDS[items[at].text](items[at], site)
        getters.append(slot.getter)
        template += slot.conversion
        after_space = False
        at += 1

    def line(record: LogRecord) -> bytes:
        return template % tuple([get(record) for get in getters])
    return line


def _slots_that_vanish(items: Sequence[FormatItem], at: int, site: Site) -> list[Slot]:
    """The variables from `at` on that may each be empty, with nothing between them."""
    slots = []
    for item in items[at:]:
        if item.kind is not ItemKind.VARIABLE:
            break
        slot = FIELDS[item.text](item, site)
        if not slot.may_vanish:
            return []
        slots.append(slot)
    return slots


def _with_its_space(group: list[Slot]) -> Getter:
    """What the group shows and the separator after it, or nothing at all: HAProxy never writes two separators in a row."""
    if len(group) == 1:
        get = group[0].getter

        def one(record: LogRecord) -> bytes:
            text: bytes = get(record)
            return text + b" " if text else b""
        return one
    getters = [slot.getter for slot in group]

    def several(record: LogRecord) -> bytes:
        text = b"".join([get(record) for get in getters])
        return text + b" " if text else b""
    return several
