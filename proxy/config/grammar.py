"""The one place that loads a grammar and the only one that imports lark; nothing is loaded before it is asked for.

That takes longer than all else a start does: a configuration of plain lines only never asks (`proxy.config.lines`).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark

Line = list[Any]
"""The tokens of one line, the line end included."""

SECTION_KINDS = (
    "global", "defaults", "frontend", "backend", "listen", "userlist", "resolvers", "peers", "http-errors", "cache", "ring",
    "mailers", "program", "log-forward", "fcgi-app", "crt-store", "crt-list", "traces", "log-profile", "acme",
)
"""The words that open a section: those of `haproxy.lark`, in its order."""
DIRECTIVES = (".if", ".elif", ".else", ".endif", ".notice", ".warning", ".alert", ".diag")
"""`.if` and its kin: those of `haproxy.lark`."""


def grammar_text(name: str) -> str:
    """The text of `grammar/<name>.lark`, from the wheel or from the source tree.

    The top-level folder `grammar/` is installed as the package `proxy.grammar`; in a source tree it stands beside `proxy/`.
    """
    from importlib.resources import files

    package = files("proxy")
    installed = package.joinpath("grammar", f"{name}.lark")
    if installed.is_file():
        return installed.read_text(encoding="utf-8")
    return package.joinpath("..", "grammar", f"{name}.lark").read_text(encoding="utf-8")


class _Lines:
    """Turns the parse into a flat list of lines: which statement belongs to which section is known after expansion only."""

    @staticmethod
    def configuration(children: list[list[Line]]) -> list[Line]:
        return [line for lines in children for line in lines if isinstance(line, list)]

    @staticmethod
    def section(children: list[list[Line]]) -> list[Line]:
        return [line for lines in children for line in lines]

    @staticmethod
    def header(children: Line) -> list[Line]:
        return [children]

    statement = header


@cache
def configuration_parser() -> Lark:
    """The LALR parser of `haproxy.lark`; it gives the lines of a configuration as lists of tokens."""
    return build_parser("haproxy", ("configuration", "word", "weak"), _Lines())


def build_parser(name: str, starts: tuple[str, ...], transformer: Any) -> Lark:
    """An LALR parser of `grammar/<name>.lark` whose rules are given to `transformer`'s methods, every token included."""
    from lark import Lark

    return Lark(
        grammar_text(name),
        parser="lalr",
        lexer="contextual",
        start=list(starts),
        transformer=transformer,
        keep_all_tokens=True,
        maybe_placeholders=False,
        propagate_positions=False,
    )


def parse_lines(text: str) -> list[Line]:
    """Every line of `text` that holds words, in order. `text` must end in a line feed."""
    lines: list[Line] = configuration_parser().parse(text, start="configuration")  # type: ignore[assignment]
    return lines


@cache
def terminal(name: str) -> str:
    """The regular expression of a terminal of `haproxy.lark`."""
    return str(configuration_parser().get_terminal(name).pattern.to_regexp())
