"""Commands about the process itself: version, environment, sockets for commands, sessions, and what it has none of.

Source: HAProxy management guide, section 9.3; texts as HAProxy 2.6 says them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterable, Mapping, Sequence

from proxy.admin.commands import Answer, Caller, Command
from proxy.admin.messages import ERROR, Message, Refused
from proxy.admin.naming import word
from proxy.admin.plane import Plane
from proxy.base.units import UnitError, parse_time_ms
from proxy.base.version import HAPROXY_VERSION

HIDDEN = "***"
TIMEOUT_MAX_S = 2**31 / 1000
_SECRET_NAME = re.compile(r"pass|pw$|[^d]pwd|secret|token|key|credential|auth|cookie", re.IGNORECASE)      # but PWD, OLDPWD
_NOT_FOUND = Message("Session not found.\n", ERROR)
_UNKNOWN_MAP = "Unknown map identifier. Please use #<id> or <file>.\n"
_UNKNOWN_ACL = "Unknown ACL identifier. Please use #<id> or <file>.\n"


class SurroundingsCommands:
    """`environment` is that of the start, `sockets` are (address, level) of those for commands, `secrets` the passwords that the
    configuration has.
    """

    def __init__(
        self, plane: Plane, environment: Mapping[str, str], sockets: Iterable[tuple[str, str]], secrets: Iterable[str]
    ) -> None:
        self._plane = plane
        self._environment = environment
        self._sockets = tuple(sockets)
        self._secrets = tuple(secret for secret in secrets if secret)

    def rows(self) -> tuple[Command, ...]:
        """The rows of the table."""
        return (
            Command(("show", "version"), "show version", "show version of the current process",
                    lambda words, caller: Message(HAPROXY_VERSION + "\n")),
            Command(("show", "env"), "show env [var]", "dump environment variables known to the process", self._env, "operator"),
            Command(("show", "cli", "sockets"), "show cli sockets", "dump list of cli sockets", self._cli_sockets),
            Command(("set", "timeout"), "set timeout [cli] <delay>", "change a timeout setting", self._set_timeout),
            Command(("show", "sess"), "show sess [id]", "report the list of current sessions or dump this exact session",
                    self._sessions, "operator"),
            Command(("shutdown", "session"), "shutdown session [id]", "kill a specific session", self._shut_session, "admin"),
            *_nothing(),
        )

    def _env(self, words: Sequence[str], caller: Caller) -> str:
        name = word(words, 0)
        if name and name not in self._environment:
            raise Refused("Variable not found\n")
        wanted = {name: self._environment[name]} if name else self._environment
        return "".join(f"{name}={self._shown(name, value)}\n" for name, value in wanted.items())

    def _shown(self, name: str, value: str) -> str:
        """The value, unless it is a secret by its name, or one that the configuration has taken from there."""
        if _SECRET_NAME.search(name) or any(secret in value for secret in self._secrets):
            return HIDDEN
        return value.replace("\n", " ").replace("\r", " ")

    def _cli_sockets(self, words: Sequence[str], caller: Caller) -> str:
        return "# socket lvl processes\n" + "".join(f"{address} {level} all\n" for address, level in self._sockets)

    def _set_timeout(self, words: Sequence[str], caller: Caller) -> str:
        if word(words, 0) != "cli":
            raise Refused("'set timeout' only supports 'cli'.\n")
        if not word(words, 1):
            raise Refused("Expects an integer value.\n")
        try:
            seconds = parse_time_ms(words[1], "s") / 1000
        except UnitError:
            seconds = 0
        if not 0 < seconds <= TIMEOUT_MAX_S:
            raise Refused("Invalid timeout value.\n")
        caller.set_timeout(seconds)
        return ""

    def _sessions(self, words: Sequence[str], caller: Caller) -> Answer:
        which = word(words, 0)
        found = self._plane.sessions(which)
        if not which.startswith("0x"):
            return found
        return found or _NOT_FOUND if isinstance(found, str) else _or_none(found)

    def _shut_session(self, words: Sequence[str], caller: Caller) -> Answer:
        which = word(words, 0)
        if not which.startswith("0x"):
            raise Refused("Session pointer expected (use 'show sess').\n")
        shut = self._plane.shut_session(which)
        return _told(shut) if isinstance(shut, bool) else _tell(shut)


async def _or_none(found: Awaitable[str]) -> str:
    return await found or _NOT_FOUND


async def _tell(shut: Awaitable[bool]) -> str:
    return _told(await shut)


def _told(shut: bool) -> str:
    return "" if shut else Message("No such session (use 'show sess').\n", ERROR)


def _nothing() -> tuple[Command, ...]:
    """What there is none of here: maps, ACLs, stick tables, peers, caches. Asked for, they are truly empty."""
    def unknown(text: str) -> object:
        def act(words: Sequence[str], caller: Caller) -> str:
            raise Refused(text)

        return act

    def empty(head: str, refusal: str) -> object:
        def act(words: Sequence[str], caller: Caller) -> str:
            if words and refusal:
                raise Refused(refusal)
            return head

        return act

    listing = "# id (file) description\n"
    rows: tuple[tuple[str, str, str, object], ...] = (
        ("show map", "show map [@ver] [map]", "report available maps or dump a map's contents", empty(listing, _UNKNOWN_MAP)),
        ("show acl", "show acl [@<ver>] <acl>]", "report available acls or dump an acl's contents", empty(listing, _UNKNOWN_ACL)),
        ("show table", "show table <table> [<filter>]*",
         "report table usage stats or dump this table's contents (filter: data/key)", empty("", "No such table\n")),
        ("show peers", "show peers [dict|-] [section]", "dump some information about all the peers or this peers section",
         empty("", "No such peers\n")),
    )
    changes = (
        ("add map", "add map [@<ver>] <map> <key> <val>", "add a map entry (payload supported instead of key/val)", _UNKNOWN_MAP),
        ("set map", "set map <map> [<key>|#<ref>] <value>", "modify a map entry", _UNKNOWN_MAP),
        ("del map", "del map <map> [<key>|#<ref>]", "delete map entries matching <key>", _UNKNOWN_MAP),
        ("get map", "get map <acl> <value>", "report the keys and values matching a sample for a map", _UNKNOWN_MAP),
        ("clear map", "clear map [@<ver>] <map>", "clear the contents of this map", _UNKNOWN_MAP),
        ("add acl", "add acl [@<ver>] <acl> <pattern>", "add an acl entry", _UNKNOWN_ACL),
        ("del acl", "del acl <acl> [<key>|#<ref>]", "delete acl entries matching <key>", _UNKNOWN_ACL),
        ("get acl", "get acl <acl> <value>", "report the patterns matching a sample for an ACL", _UNKNOWN_ACL),
        ("clear acl", "clear acl [@<ver>] <acl>", "clear the contents of this acl", _UNKNOWN_ACL),
        ("clear table", "clear table <table> [<filter>]*", "remove an entry from a table (filter: data/key)", "No such table\n"),
        ("set table", "set table <table> key <k> [data.* <v>]*", "update or create a table entry's data", "No such table\n"),
    )
    return (
        *(Command(tuple(words.split()), usage, text, act) for words, usage, text, act in rows),      # type: ignore[arg-type]
        Command(("show", "cache"), "show cache", "show cache status", lambda words, caller: "", "admin"),
        *(Command(tuple(words.split()), usage, text, unknown(refusal)) for words, usage, text, refusal in changes),  # type: ignore[arg-type]
    )
