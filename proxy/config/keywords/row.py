"""What a row of the keyword table is, and the line that a row's reader is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import TYPE_CHECKING, Generic, TypeVar

from proxy.base.errors import Where
from proxy.config.diagnostics import Diagnostics, Place
from proxy.config.load_options import LoadOptions
from proxy.config.statements import Statement, Word

if TYPE_CHECKING:
    from proxy.config.drafts import GlobalDraft, ProxyDraft, ResolversDraft


class Sections(Flag):
    """Where a keyword may stand."""

    GLOBAL = auto()
    DEFAULTS = auto()
    FRONTEND = auto()
    LISTEN = auto()
    BACKEND = auto()
    RESOLVERS = auto()


GLOBAL = Sections.GLOBAL
DEFAULTS = Sections.DEFAULTS
FRONT = Sections.FRONTEND | Sections.LISTEN
BACK = Sections.LISTEN | Sections.BACKEND
PROXIES = FRONT | BACK
ANY_FRONT = DEFAULTS | FRONT
ANY_BACK = DEFAULTS | BACK
ANY_PROXY = DEFAULTS | PROXIES

SECTION_OF_KIND = {
    "global": Sections.GLOBAL,
    "defaults": Sections.DEFAULTS,
    "frontend": Sections.FRONTEND,
    "listen": Sections.LISTEN,
    "backend": Sections.BACKEND,
    "resolvers": Sections.RESOLVERS,
}


class Acts(Enum):
    """What pyproxy does with a keyword it knows."""

    YES = "acted on"
    IGNORED = "ignored with a warning"
    UNSUPPORTED = "not supported: an error"
    OLD = "old spelling, translated with a warning"
    REMOVED = "removed from HAProxy, an error that names what replaces it"


class Refusal(Exception):
    """A line that cannot be taken; becomes one alert."""

    def __init__(
        self, message: str, at: Place = None, hint: str = "", feature: str = "", *, parsing: bool = True
    ) -> None:
        self.message, self.at, self.hint, self.feature, self.parsing = message, at, hint, feature, parsing
        super().__init__(message)


Draft = TypeVar("Draft", "GlobalDraft", "ProxyDraft", "ResolversDraft")


@dataclass(frozen=True)
class Keyword(Generic[Draft]):
    """One row: a keyword of one or more words, where it is valid, how it is read, and lines that prove it.

    `usage` is the shape of the arguments as HAProxy's manual writes it; fewer than `least` arguments are refused with `missing`,
    more than `most` with HAProxy's words (None = the reader counts). `elsewhere` is what to say on the wrong side of a proxy:
    "" = HAProxy's warning, and the line has no effect; else a refusal with this text, where {kind} and {name} are the proxy's.
    `manual` is the section of HAProxy's configuration manual. `loads` are lines that load, `fails` lines that must not.
    """

    words: str
    sections: Sections
    usage: str
    read: Callable[[Line, Draft], None]
    manual: str = "4.2"
    default: str = ""
    least: int = 0
    most: int | None = None
    missing: str = ""
    acts: Acts = Acts.YES
    feature: str = ""
    negatable: bool = False
    elsewhere: str = ""
    loads: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()

    @property
    def line_form(self) -> str:
        """The keyword with its arguments, as it is to be written."""
        return f"{self.words} {self.usage}".rstrip()


@dataclass(slots=True)
class Line:
    """A statement under its keyword, and everything its reader may need.

    `negated` is true after `no`, `reset` after `default`; `subject` is the server that a server line is about.
    """

    statement: Statement
    keyword: str
    arguments: tuple[Word, ...]
    kind: str
    diagnostics: Diagnostics
    options: LoadOptions
    environment: Mapping[str, str]
    negated: bool = False
    reset: bool = False
    subject: str = ""

    @property
    def where(self) -> Where:
        return self.statement.where

    def text(self, index: int, default: str = "") -> str:
        """The argument with this index, or `default` where the line is shorter."""
        return self.arguments[index].text if index < len(self.arguments) else default

    def at(self, index: int) -> Place:
        """The argument with this index, or the whole line."""
        return self.arguments[index] if index < len(self.arguments) else self.statement

    def texts(self, start: int = 0) -> list[str]:
        return [word.text for word in self.arguments[start:]]

    def unsupported(self, feature: str, message: str, hint: str = "", at: Place = None) -> Refusal:
        """What to raise for a line that HAProxy knows and pyproxy must not ignore."""
        return Refusal(message, at, hint, feature)

    def warn(self, message: str, at: Place = None, hint: str = "", *, parsing: bool = True) -> None:
        self.diagnostics.warning(at or self.statement, message, hint, self.keyword, parsing=parsing)

    def remark(self, message: str, at: Place = None, hint: str = "") -> None:
        """Warn of what HAProxy takes without a word: `zero-warning` (-dW) lets it pass."""
        self.diagnostics.warning(at or self.statement, message, hint, self.keyword, ours=True)

    def ignored(self, what: str, at: Place = None, because: str = "") -> None:
        """Warn that this is understood and harmless, but has no effect here yet.

        The diagnostic names the feature: HAProxy would not warn, so `zero-warning` (-dW) lets it pass.
        """
        self.diagnostics.warning(
            at or self.statement, f"'{what}' is not acted on by pyproxy yet; ignored", because, self.keyword, feature=what
        )


def not_yet(read: Callable[[Line, Draft], None], because: str = "") -> Callable[[Line, Draft], None]:
    """A reader of what is checked and kept in the model, and has no effect yet."""

    def read_and_warn(line: Line, draft: Draft) -> None:
        read(line, draft)
        if not (line.negated or line.reset):
            line.ignored(line.keyword, because=because)

    return read_and_warn
