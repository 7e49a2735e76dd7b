"""A format's items made into one template and the getters of its values: a line is one `%` of octets."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.base.log_format_text import FormatItem, ItemKind, parse_log_format
from proxy.core.logformat.fields import FIELDS, Getter, Slot
from proxy.core.logformat.site import Site
from proxy.runtime.log import LogRecord

# What a proxy logs that asks for no format, as soon as the stream begins. Source: configuration manual, section 8.2.1.
DEFAULT_HTTP = "Connect from %ci:%cp to %fi:%fp (%f/HTTP)"
DEFAULT_TCP = "Connect from %ci:%cp to %fi:%fp (%f/TCP)"


class LogFormat:
    """A compiled format."""

    __slots__ = ("_getters", "_template", "site")

    def __init__(self, template: bytes, getters: Sequence[Getter], site: Site) -> None:
        self.site = site
        self._template = template
        self._getters = list(getters)

    def line(self, record: LogRecord) -> bytes:
        """The line of one stream, without an end of line."""
        return self._template % tuple([get(record) for get in self._getters])


def compile_format(text: str, *, http: bool, site: Site | None = None) -> LogFormat:
    """Compile the text of a format.

    Raises: LogFormatError for a text that `parse_log_format` refuses.
    """
    return compile_items(parse_log_format(text, http=http).items, site or Site())


def compile_items(items: Sequence[FormatItem], site: Site) -> LogFormat:
    """Compile a format that was read before."""
    template, getters, at = b"", [], 0
    after_space = True                      # a line does not begin with a separator
    while at < len(items):
        if items[at].kind is not ItemKind.VARIABLE:
            template += items[at].text.encode().replace(b"%", b"%%")
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
    return LogFormat(template, getters, site)


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
