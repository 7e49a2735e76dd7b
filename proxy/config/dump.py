"""`-dK`: the registered keywords, class by class, in the form HAProxy lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from proxy.config.keywords import GLOBAL_KEYWORDS, PROXY_KEYWORDS
from proxy.config.keywords.bind import WORDS as BIND_WORDS
from proxy.config.keywords.http_check import CONNECT, EXPECT, SEND
from proxy.config.keywords.http_rules import AFTER_ACTIONS, REQUEST_ACTIONS, RESPONSE_ACTIONS, TCP_ACTIONS
from proxy.config.keywords.row import ANY_BACK, ANY_FRONT, Acts, Sections
from proxy.config.keywords.server import WORDS as SERVER_WORDS
from proxy.config.keywords.words import LineWord

SERVICES = ("prometheus-exporter",)
_RULES = (
    ("tcp-request connection", TCP_ACTIONS), ("tcp-request session", TCP_ACTIONS), ("tcp-request content", TCP_ACTIONS),
    ("tcp-response content", TCP_ACTIONS), ("http-request", REQUEST_ACTIONS), ("http-response", RESPONSE_ACTIONS),
    ("http-after-response", AFTER_ACTIONS),
)


def _words(prefix: str, words: tuple[LineWord, ...] | list[LineWord]) -> Iterator[str]:
    for word in sorted(words, key=lambda word: word.name):
        yield f"\t{prefix} {word.name}" + (f" +{word.count}" if word.count else "")


def _sides(sections: Sections) -> str:
    front = "FE " if sections & ANY_FRONT & ~Sections.DEFAULTS & ~Sections.LISTEN else ""
    back = "BE " if sections & ANY_BACK & ~Sections.DEFAULTS & ~Sections.LISTEN else ""
    return f"[ {front}{back}]"


def _configuration() -> Iterator[str]:
    yield "# List of registered configuration keywords:"
    yield "global"
    yield from sorted(f"\t{row.words}" for row in GLOBAL_KEYWORDS)
    yield "listen"
    rows = sorted(PROXY_KEYWORDS, key=lambda row: row.words)
    yield from (f"\t{row.words}" for row in rows if not row.words.startswith("option ") and row.acts is not Acts.REMOVED)
    yield from _words("bind <addr>", BIND_WORDS)
    yield from _words("server <name> <addr>", SERVER_WORDS)
    for step, table in (("connect", CONNECT), ("send", SEND), ("expect", EXPECT)):
        yield from _words(f"http-check {step}", list(table.values()))
    options = [row for row in rows if row.words.startswith("option ") and row.acts is not Acts.REMOVED]
    yield from (f"\t{row.words} {_sides(row.sections)}" for row in options)
    for rule, actions in _RULES:
        yield from sorted(f"\t{rule} {action.removesuffix('(')}" + ("*" if action.endswith("(") else "") for action in actions)


def _services() -> Iterator[str]:
    yield "# List of registered service names:"
    yield from SERVICES


def _none(title: str) -> Callable[[], Iterator[str]]:
    def lines() -> Iterator[str]:
        yield f"# List of registered {title}:"

    return lines


CLASSES: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "acl": ("ACL keywords", _none("ACL keywords")),
    "cfg": ("configuration keywords", _configuration),
    "cli": ("CLI keywords", _none("CLI keywords")),
    "cnv": ("sample converter keywords", _none("sample converter functions")),
    "flt": ("filter names", _none("filter names")),
    "smp": ("sample fetch functions", _none("sample fetch functions")),
    "svc": ("service names", _services),
}


def dump_keywords(classes: str) -> str:
    """What `-dK<classes>` prints: `classes` is "help", "all" or names separated by commas; unknown ones are passed over.

    Source: HAProxy management guide, "-dK".
    """
    wanted = classes.split(",")
    lines: list[str] = []
    if "help" in wanted or not classes:
        lines += ["# List of supported keyword classes:", "all: list all keywords",
                  *(f"{name}: {title}" for name, (title, _) in CLASSES.items())]
    for name, (_, listing) in CLASSES.items():
        if "all" in wanted or name in wanted:
            lines += listing()
    return "".join(f"{line}\n" for line in lines)
