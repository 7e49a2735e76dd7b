"""Readers of single arguments, and readers of whole lines made from them."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Any, TypeVar

from proxy.config.statements import Word
from proxy.config.suggest import did_you_mean
from proxy.ha.conf.keywords.row import Draft, Line, Read, Refusal
from proxy.ha.conf.model import Fifo
from proxy.ha.conf.routing import IpAddress
from proxy.ha.conf.script_command import ScriptCommand
from proxy.ha.conf.words import WordError, split_command

T = TypeVar("T")
Value = Callable[[Line, int], T]

_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9A-Fa-f]{1,8}|[0-9]{1,10})", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,10}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}", re.ASCII)
_NAME = re.compile(r"[^\s/]{1,15}", re.ASCII)
BOOLEANS = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


def integer_of(word: Word, low: int, high: int) -> int:
    """A whole number within low and high.

    Raises: Refusal.
    """
    if not _INTEGER.fullmatch(word.text):
        raise Refusal(f"invalid number '{word.text}'", word, _number_hint(word.text, low, high))
    value = int(word.text, 16 if "x" in word.text.lower() else 10)
    if not low <= value <= high:
        raise Refusal(f"number '{word.text}' outside range [{low}, {high}]", word, "the default is kept")
    return value


def _number_hint(text: str, low: int, high: int) -> str:
    match = re.match(r"[0-9]+", text, re.ASCII)
    if match and low <= int(match[0][:10]) <= high and text[match.end() :] in (";", ","):
        return f"write: {match[0]}"
    return f"write a whole number from {low} to {high}"


def integer(low: int, high: int) -> Value[int]:
    """A whole number within low and high."""
    return lambda line, index: integer_of(line.arguments[index], low, high)


def decimal_of(word: Word, low: float, high: float) -> float:
    """Seconds, with a fraction where it pleases.

    Raises: Refusal.
    """
    if not _DECIMAL.fullmatch(word.text):
        raise Refusal(f"invalid number '{word.text}'", word, f"write seconds from {low:g} to {high:g}, such as 2 or 0.5")
    value = float(word.text)
    if not low <= value <= high:
        raise Refusal(f"number '{word.text}' outside range [{low:g}, {high:g}]", word, "the default is kept")
    return value


def seconds(low: float = 0.0, high: float = 4294.0) -> Value[float]:
    """A TIMER: seconds, with a fraction where it pleases."""
    return lambda line, index: decimal_of(line.arguments[index], low, high)


def boolean(line: Line, index: int) -> bool:
    """A BOOL; true where it is left out."""
    if index >= len(line.arguments):
        return True
    word = line.arguments[index]
    if word.text.lower() not in BOOLEANS:
        raise Refusal(f"'{line.keyword}': '{word.text}' is neither on nor off", word, "write on, off, true, false, yes or no")
    return BOOLEANS[word.text.lower()]


def true(line: Line, index: int) -> bool:
    """For a keyword that is a switch by standing there."""
    return True


def false(line: Line, index: int) -> bool:
    """For a keyword that switches something off."""
    return False


def text(line: Line, index: int) -> str:
    """A word as it stands."""
    return line.arguments[index].text


def choice(*words: str, folded: bool = False) -> Value[str]:
    """One of these words."""

    def read(line: Line, index: int) -> str:
        word = line.arguments[index]
        given = word.text.upper() if folded else word.text
        if given not in words:
            hint = did_you_mean(given, words) or "write " + " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
            raise Refusal(f"'{line.keyword}': unknown value '{word.text}'", word, hint)
        return given

    return read


def interface_name(line: Line, index: int) -> str:
    """The name of a network interface: 1 to 15 characters."""
    word = line.arguments[index]
    if not _NAME.fullmatch(word.text):
        raise Refusal(f"'{word.text}' is no interface name", word, "a name has at most 15 characters, and no '/'")
    return word.text


def address_of(word: Word, what: str = "address") -> IpAddress:
    """An IPv4 or IPv6 address.

    Raises: Refusal.
    """
    try:
        if "%" in word.text:
            raise ValueError
        return ip_address(word.text)
    except ValueError:
        hint = f"write: {word.text.split('/')[0]}" if "/" in word.text else "write an address such as 192.0.2.1 or 2001:db8::1"
        raise Refusal(f"malformed {what} '{word.text}'", word, hint) from None


def address(line: Line, index: int) -> IpAddress:
    """An IPv4 or IPv6 address."""
    return address_of(line.arguments[index])


def address4(line: Line, index: int) -> IPv4Address:
    """An IPv4 address."""
    word = line.arguments[index]
    try:
        return IPv4Address(word.text)
    except AddressValueError:
        raise Refusal(f"malformed IPv4 address '{word.text}'", word, "write an address such as 224.0.0.18") from None


def address6(line: Line, index: int) -> IPv6Address:
    """An IPv6 address."""
    word = line.arguments[index]
    try:
        return IPv6Address(word.text)
    except AddressValueError:
        raise Refusal(f"malformed IPv6 address '{word.text}'", word, "write an address such as ff02::12") from None


def port_of(word: Word, low: int = 1) -> int:
    """A port number.

    Raises: Refusal.
    """
    return integer_of(word, low, 65535)


def port(line: Line, index: int) -> int:
    """A port number."""
    return port_of(line.arguments[index])


def command(line: Line, index: int) -> ScriptCommand:
    """A program with its arguments in one word, then who runs it: `"/path/to x" [user [group]]`."""
    word = line.arguments[index]
    try:
        words = split_command(word.text) if word.quoted else (word.text,)
    except WordError as error:
        raise Refusal(str(error), word, "an argument with spaces stands in single quotes inside the double ones") from None
    if not words:
        raise Refusal(f"'{line.keyword}' names no program", word, f'write: {line.keyword} "/path/to/program argument"')
    if not word.quoted and len(line.arguments) > index + 3:
        clean = " ".join(line.texts(index))
        raise Refusal(f"'{line.keyword}': the program and its arguments are not one word", line.at(index + 1),
                      f'write: {line.keyword} "{clean}"')
    line.surplus(index + 3)
    return ScriptCommand(words, line.text(index + 1), line.text(index + 2), line.where)


def fifo(line: Line, index: int) -> Fifo:
    """A pipe: `path [user [group]]`."""
    word = line.arguments[index]
    if not word.text.startswith("/"):
        raise Refusal(f"'{word.text}' is no absolute path", word, f"write: {line.keyword} /run/keepalived.fifo")
    return Fifo(word.text, line.text(index + 1), line.text(index + 2), line.where)


def sets(name: str, value: Value[Any]) -> Read:
    """A line that sets one field from its first argument."""

    def read(line: Line, draft: Draft) -> None:
        draft.values[name] = value(line, 0)

    return read


def adds(name: str, value: Value[Any]) -> Read:
    """A line that adds to a field that holds many."""

    def read(line: Line, draft: Draft) -> None:
        draft.add(name, value(line, 0))

    return read


def constant(name: str, value: object) -> Read:
    """A line that sets one field to what it says by standing there."""

    def read(line: Line, draft: Draft) -> None:
        draft.values[name] = value

    return read


def words_of_block(line: Line) -> list[Word]:
    """Every word between the braces of a block that is a list."""
    return [word for entry in line.entries for word in entry.words]


