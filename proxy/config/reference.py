"""The keyword reference page, made from the table: `python -m proxy.config.reference > examples/keywords.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from proxy.config.keywords import GLOBAL_KEYWORDS, PROXY_KEYWORDS, RESOLVERS_KEYWORDS
from proxy.config.keywords.bind import WORDS as BIND_WORDS
from proxy.config.keywords.http_check import CONNECT, EXPECT, SEND
from proxy.config.keywords.row import SECTION_OF_KIND, Acts, Keyword, Sections
from proxy.config.keywords.server import WORDS as SERVER_WORDS
from proxy.config.keywords.words import LineWord

_HEAD = """# Keywords

Every keyword pyproxy knows, made from its keyword table by `python -m proxy.config.reference`. The manual that explains them is
HAProxy's configuration manual; the number is its section.

What pyproxy does with a keyword:

- **acted on**: it does what HAProxy does.
- **ignored with a warning**: understood, without effect yet, and harmless to ignore.
- **not supported: an error**: ignoring it would change who gets in, what they see or where traffic goes.
- **old spelling, translated with a warning**, or **removed from HAProxy, an error that names what replaces it**.

D, F, L and B tell where a keyword may stand: defaults, frontend, listen, backend.
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "; ")


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else ""


def _letters(sections: Sections) -> str:
    return "".join(kind[0].upper() if section in sections else "-" for kind,
                   section in SECTION_OF_KIND.items() if kind not in ("global", "resolvers"))


def _row_lines(rows: Iterable[Keyword[Any]], with_sections: bool) -> Iterator[str]:
    yield f"| keyword | {'where | ' if with_sections else ''}default | manual | example |"
    yield f"|---|{'---|' if with_sections else ''}---|---|---|"
    for row in sorted(rows, key=lambda row: row.words):
        where = f"{_letters(row.sections)} | " if with_sections else ""
        example = row.loads[0] if row.loads else ""
        yield f"| {_code(row.line_form)} | {where}{_cell(row.default)} | {row.manual} | {_code(example)} |"


def _word_lines(words: Iterable[LineWord]) -> Iterator[str]:
    yield "| word | default | what pyproxy does | example |"
    yield "|---|---|---|---|"
    for word in sorted(words, key=lambda word: word.name):
        example = word.loads[0] if word.loads else ""
        yield f"| {_code(word.line_form)} | {_cell(word.default)} | {word.acts.value} | {_code(example)} |"


def _by_acts(rows: Iterable[Keyword[Any]], with_sections: bool) -> Iterator[str]:
    rows = list(rows)
    for acts in Acts:
        chosen = [row for row in rows if row.acts is acts]
        if chosen:
            yield f"\n### {acts.value.capitalize()}\n"
            yield from _row_lines(chosen, with_sections)


def page() -> str:
    """The page, whole."""
    lines = [_HEAD, "## global"]
    lines += _by_acts(GLOBAL_KEYWORDS, with_sections=False)
    lines.append("\n## defaults, frontend, listen, backend")
    lines += _by_acts(PROXY_KEYWORDS, with_sections=True)
    lines.append("\n## resolvers")
    lines += _by_acts(RESOLVERS_KEYWORDS, with_sections=False)
    for title, words in (
        ("Words of `bind` and `stats socket` (manual 5.1)", BIND_WORDS), ("Words of `server` and `default-server` (manual "
                                                                          "5.2)", SERVER_WORDS),
        ("Words of `http-check connect`", tuple(CONNECT.values())), ("Words of `http-check send`", tuple(SEND.values())),
        ("Words of `http-check expect`", tuple(EXPECT.values())),
    ):
        lines.append(f"\n## {title}\n")
        lines += _word_lines(words)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
