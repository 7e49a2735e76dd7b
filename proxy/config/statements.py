"""What the reader hands to the keyword table: words, statements and sections, each knowing where it was written."""

from typing import NamedTuple

from proxy.base.errors import Where


class Word(NamedTuple):
    """One word of a statement: `text` is what it means, `where` and `length` where and how long it is in the source.

    `text` has its quotes and backslashes removed and its environment variables replaced, so it may be longer or shorter than
    the `length` characters it was written with. `quoted` is true when any part of it stood in quotes.
    """

    text: str
    where: Where
    length: int
    quoted: bool = False

    def __str__(self) -> str:
        return self.text


class Statement(NamedTuple):
    """One non-empty line: a keyword and its arguments."""

    words: tuple[Word, ...]
    where: Where

    @property
    def keyword(self) -> str:
        return self.words[0].text

    @property
    def arguments(self) -> tuple[Word, ...]:
        return self.words[1:]

    def __str__(self) -> str:
        return " ".join(word.text for word in self.words)


class Section(NamedTuple):
    """A section header, with all its words, and the statements up to the next header.

    `kind` is the header's first word. One section per header: two `global` headers give two sections of that kind.
    """

    kind: str
    words: tuple[Word, ...]
    statements: tuple[Statement, ...]
    where: Where

    @property
    def name(self) -> str:
        """The header's second word, "" where there is none."""
        return self.words[1].text if len(self.words) > 1 else ""
