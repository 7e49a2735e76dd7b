"""The words of `bind`, `server`, `default-server` and `stats socket` lines: rows of the same shape as keywords, one word each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from proxy.base.errors import Where
from proxy.config.keywords.row import Acts, Line, Refusal
from proxy.config.keywords.values import integer_or_none, time_ms
from proxy.config.statements import Word
from proxy.config.suggest import did_you_mean, nearest

Values = dict[str, Any]
Read = Callable[[Line, int, Values], None]


@dataclass(frozen=True, slots=True)
class LineWord:
    """One word: `read` is given the line, the index of the word among its arguments and the values read so far.

    `count` arguments follow the word. `loads` and `fails` are what may follow the address of a bind or server line.
    """

    name: str
    usage: str
    read: Read
    count: int = 0
    default: str = ""
    missing: str = ""
    acts: Acts = Acts.YES
    feature: str = ""
    loads: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()

    @property
    def line_form(self) -> str:
        return f"{self.name} {self.usage}".rstrip()


Table = Mapping[str, LineWord]


def table_of(rows: tuple[LineWord, ...]) -> Table:
    return {row.name: row for row in rows}


class WordLine(NamedTuple):
    """How HAProxy words the complaints about the words of one line.

    `prefix` goes before all of them, `separator` before that of an unknown word, `tail` behind the others. `unknown` is the
    whole complaint of an unknown word where HAProxy has one of its own, {got} the word; `hint` ends it where it has not.
    """

    prefix: str
    separator: str = " : "
    parsing: bool = True
    tail: str = ""
    unknown: str = ""
    hint: str = ""


def read_words(line: Line, start: int, table: Table, values: Values, wording: WordLine) -> None:
    """Read every word from argument `start` on into `values`; what cannot be read is an alert, and reading goes on behind it.

    Raises: Refusal for an unknown word, since nothing behind it can be told apart.
    """
    index = start
    while index < len(line.arguments):
        word = line.arguments[index]
        row = table.get(word.text)
        if row is None:
            raise _unknown(word, table if len(line.diagnostics) < 200 else {}, wording)
        try:
            if index + row.count >= len(line.arguments):
                raise Refusal(row.missing or f"'{row.name}' expects {row.usage} as argument.", word)
            row.read(line, index, values)
        except Refusal as refusal:
            message = refusal.message if refusal.feature else f"{wording.prefix} : {refusal.message}{wording.tail}"
            hint = refusal.hint or ("" if refusal.feature else row.line_form)
            line.diagnostics.alert(
                refusal.at or word, message, hint, row.name, refusal.feature, parsing=wording.parsing or bool(refusal.feature)
            )
        index += 1 + row.count


def _unknown(word: Word, table: Table, wording: WordLine) -> Refusal:
    near = nearest(word.text, table, 1)
    guess = f"; did you mean '{near[0]}' maybe ?" if near else "."
    own = wording.unknown.replace("{got}", word.text)
    return Refusal(
        own or f"{wording.prefix}{wording.separator}unknown keyword '{word.text}'{guess}{wording.hint}", word,
        did_you_mean(word.text, list(table)) or "pyproxy -dKall lists the words that may stand here",
        parsing=wording.parsing,
    )


def flag(field: str, value: object = True) -> Read:
    """A word alone that gives `field` a value."""

    def read(line: Line, index: int, values: Values) -> None:
        values[field] = value

    return read


def text(field: str) -> Read:
    """A word followed by a text."""

    def read(line: Line, index: int, values: Values) -> None:
        values[field] = line.text(index + 1)

    return read


def choice(field: str, allowed: Mapping[str, object], refusal: str) -> Read:
    """A word followed by one of a few; {got} in `refusal` is what came instead."""

    def read(line: Line, index: int, values: Values) -> None:
        got = line.text(index + 1)
        if got not in allowed:
            raise Refusal(refusal.format(got=got), line.at(index + 1), f"one of {', '.join(allowed)}")
        values[field] = allowed[got]

    return read


def number(field: str, low: int | None = 0, high: int | None = None, refusal: str = "") -> Read:
    """A word followed by an integer within bounds; {got} in `refusal` is what came instead."""

    def read(line: Line, index: int, values: Values) -> None:
        got = line.text(index + 1)
        value = integer_or_none(got)
        if value is None or (low is not None and value < low) or (high is not None and value > high):
            raise Refusal((refusal or _range_refusal(line.text(index), low, high)).format(got=got), line.at(index + 1))
        values[field] = value

    return read


def _range_refusal(name: str, low: int | None, high: int | None) -> str:
    bounds = "" if low is None else f" not below {low}" if high is None else f" between {low} and {high}"
    return f"'{name}' expects an integer{bounds} (got '{{got}}')."


def time(field: str, what: str, unit: str = "ms", low: int = 0, refusal: str = "") -> Read:
    """A word followed by a time."""

    def read(line: Line, index: int, values: Values) -> None:
        value = time_ms(line, index + 1, what.replace("{subject}", line.subject), unit)
        if value < low:
            raise Refusal(refusal.replace("{got}", line.text(index + 1)).replace("{subject}", line.subject), line.at(index + 1))
        values[field] = value

    return read


def ignored(because: str = "") -> Read:
    """A word that changes nothing that matters."""

    def read(line: Line, index: int, values: Values) -> None:
        line.ignored(line.text(index), line.at(index), because)

    return read


def not_yet(read: Read, because: str = "") -> Read:
    """A word that is checked and kept in the model, and has no effect yet."""

    def read_and_warn(line: Line, index: int, values: Values) -> None:
        read(line, index, values)
        line.ignored(line.text(index), line.at(index), because)

    return read_and_warn


def with_tls_only(line: Line, index: int, values: Values) -> None:
    """A word about TLS: the word `ssl` is what is refused; without it this one has no effect, in HAProxy neither."""
    values.setdefault("_tls_words", []).append(line.arguments[index])


def unsupported(feature: str, because: str, hint: str = "") -> Read:
    """A word that must not be ignored."""

    def read(line: Line, index: int, values: Values) -> None:
        raise Refusal(f"'{feature}' is not supported by this version of pyproxy: {because}", line.at(index), hint, feature)

    return read


def take_tls_words(line: Line, values: Values, tls: bool) -> None:
    """Warn of the words that have no effect without `ssl`; with it, one alert is enough."""
    words = values.pop("_tls_words", [])
    if words and not tls:
        names = ", ".join(f"'{word.text}'" for word in words)
        line.remark(f"{names} without 'ssl' has no effect; ignored", words[0])


def place(where: Where) -> str:
    """The bracketed place that HAProxy puts into the messages of server lines."""
    return f"[{where.file}:{where.line}]"
