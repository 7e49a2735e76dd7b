"""Commands about servers: their state, weight, address, limits and checks.

Source: HAProxy management guide, section 9.3; texts as HAProxy 2.6 says them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from socket import AF_INET, AF_INET6
from typing import Any

from proxy.admin.commands import Caller, Command
from proxy.admin.messages import WARNING, Message, Refused
from proxy.admin.naming import backends_named, number_of, server_named, word
from proxy.admin.plane import Plane
from proxy.admin.server_tables import NONE, Configured, servers_conn, servers_state
from proxy.base.addresses import Address, Family
from proxy.base.clock import Clock
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.states import Admin
from proxy.stats.actions import RuntimeActions

PORT_MAX = 65535
NOTHING = Configured()
MAXCONN_MAX = 2**31 - 1
_USAGE = (
    "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | check-port | "
    "fqdn | health | ssl | state | weight\n"
)
_NO_AGENT = "agent checks are not enabled on this server"
_NO_PORT_TO_CHECK = (
    "can't change <port> to port map because it is incompatible with current health check port configuration (use 'port' "
    "statement from the 'server' directive."
)
_BY = " by 'stats socket command'\n"


class ServerCommands:
    """`set_weight` raises ValueError with HAProxy's text."""

    def __init__(
        self, process: Process, clock: Clock, actions: RuntimeActions, plane: Plane, set_weight: Callable[[Server, str], None],
        configured: Configured = NOTHING,
    ) -> None:
        self._process = process
        self._clock = clock
        self._actions = actions
        self._plane = plane
        self._set_weight = set_weight
        self._configured = configured

    def rows(self) -> tuple[Command, ...]:
        """The rows of the table."""
        admin = "admin"
        return (
            Command(("get", "weight"), "get weight <bk>/<srv>", "report a server's current weight", self._weight),
            Command(("set", "weight"), "set weight <bk>/<srv>  (DEPRECATED)",
                    "change a server's weight (use 'set server' instead)",
                    lambda words, caller: self._with(words, lambda server: self._weigh(server, word(words, 1))), admin),
            Command(("set", "server"), "set server <bk>/<srv> [opts]", "change a server's state, weight, address or ssl",
                    self._set, admin),
            Command(("set", "maxconn", "server"), "set maxconn server <bk>/<srv>", "change a server's maxconn setting",
                    self._set_maxconn, admin),
            Command(("disable", "server"), "disable server (DEPRECATED)",
                    "disable a server for maintenance (use 'set server' instead)", self._state("maint"), admin),
            Command(("enable", "server"), "enable server  (DEPRECATED)", "enable a disabled server (use 'set server' instead)",
                    self._enable, admin),
            Command(("disable", "health"), "disable health", "disable health checks", self._check(False), admin),
            Command(("enable", "health"), "enable health", "enable health checks", self._check(True), admin),
            Command(("disable", "agent"), "disable agent", "disable agent checks",
                    lambda words, caller: self._with(words, lambda server: None), admin),
            Command(("enable", "agent"), "enable agent", "enable agent checks", self._enable_agent, admin),
            Command(("shutdown", "sessions", "server"), "shutdown sessions server <bk>/<srv>", "kill sessions on a server",
                    lambda words, caller: self._with(words, self._plane.shut_sessions), admin),
            Command(("show", "servers", "state"), "show servers state [<backend>]",
                    "dump volatile server information (all or for a single backend)",
                    lambda words, caller: servers_state(
                        backends_named(self._process, word(words, 0)), self._clock.monotonic_ms(), self._configured)),
            Command(("show", "servers", "conn"), "show servers conn [<backend>]",
                    "dump server connections status (all or for a single backend)",
                    lambda words, caller: servers_conn(self._process, backends_named(self._process, word(words, 0)))),
        )

    def _with(self, words: Sequence[str], act: Callable[[Server], object]) -> str:
        """Do something to the server that the first word names."""
        server = server_named(self._process, word(words, 0))
        try:
            answer = act(server)
        except ValueError as error:
            text = str(error)
            raise Refused(f"{text}\n" if text.endswith(".") else text) from None        # as HAProxy ends them
        return answer if isinstance(answer, str) else ""

    def _weight(self, words: Sequence[str], caller: Caller) -> str:
        return self._with(words, lambda server: f"{server.user_weight} (initial {server.configured_weight})\n")

    def _weigh(self, server: Server, text: str) -> None:
        if not text:
            raise Refused("Require <weight> or <weight%>.\n")
        self._set_weight(server, text)

    def _state(self, wanted: str) -> Callable[[Sequence[str], Caller], str]:
        return lambda words, caller: self._with(words, lambda server: self._actions.set_admin(server, wanted))

    def _enable(self, words: Sequence[str], caller: Caller) -> str:
        return self._state("ready")(words, caller)

    def _check(self, enabled: bool) -> Callable[[Sequence[str], Caller], str]:
        return lambda words, caller: self._with(words, lambda server: self._actions.set_check_enabled(server, enabled))

    def _enable_agent(self, words: Sequence[str], caller: Caller) -> str:
        server_named(self._process, word(words, 0))
        raise Refused("Agent was not configured on this server, cannot enable.\n")

    def _set_maxconn(self, words: Sequence[str], caller: Caller) -> str:
        def act(server: Server) -> None:
            text = word(words, 1)
            if not text:
                raise Refused("Require <maxconn>.\n")
            digits = text[1:] if text[0] in "+-" else text
            if not (digits.isascii() and digits[:1].isdecimal()):
                raise Refused("maxconn string empty or preceded by garbage")
            if not digits.isdecimal():
                raise Refused("Trailing garbage in maxconn string")
            if not 0 <= number_of(text) <= MAXCONN_MAX:
                raise Refused("Value out of range.\n")
            server.maxconn = number_of(text)
            if server.minconn > server.maxconn:
                server.minconn = server.maxconn
            self._plane.server_changed(server)

        return self._with(words, act)

    def _set(self, words: Sequence[str], caller: Caller) -> str:
        server = server_named(self._process, word(words, 0))
        values = words[2:]
        acts: dict[str, Callable[[Server, Sequence[str]], object]] = {
            "state": lambda server, words: self._actions.set_admin(server, word(words, 0)),
            "weight": lambda server, words: self._weigh(server, word(words, 0)),
            "health": lambda server, words: self._actions.set_health(server, word(words, 0)),
            "addr": self._set_address, "check-addr": self._set_check_address, "check-port": self._set_check_port,
            "agent": _refuse(_NO_AGENT + ".\n"), "agent-addr": _refuse(_NO_AGENT), "agent-port": _refuse(_NO_AGENT),
            "agent-send": _refuse(_NO_AGENT + ".\n"),
            "fqdn": self._set_name,
            "ssl": _refuse("'set server <srv> ssl' cannot be set.  default-server should define ssl settings\n"),
        }
        act = acts.get(word(words, 1))
        if act is None:
            raise Refused(_USAGE)
        return self._with([f"{server.backend.name}/{server.name}"], lambda server: act(server, values))

    def _set_address(self, server: Server, words: Sequence[str]) -> str:
        """`addr <address> [port <port>]`; a server with a name has it until the configuration is read again."""
        text = word(words, 0)
        if not text:
            raise Refused("set server <b>/<s> addr requires an address and optionally a port.\n")
        family, host = _ip(text)
        if family is None:
            return Message(f"Invalid addr '{text}'{_BY}", WARNING)
        before = server.sockaddr if isinstance(server.sockaddr, tuple) else (NONE, server.address.port)
        told = ["no need to change the addr"] if before[0] == host else [f"IP changed from '{before[0]}' to '{text.strip('[]')}'"]
        port, offset = before[1], server.port_offset
        if word(words, 1) == "port":
            what, port, offset = _new_port(server, word(words, 2), port, offset)
            told.append(what)
        server.socket_family = AF_INET if family is Family.IPV4 else AF_INET6
        server.sockaddr, server.port_offset = (host, port), offset
        if server.address.family is not Family.NAME:
            server.address = Address(family, host, port, offset is not None)
        if server.idle is not None:
            server.idle.clear()
        self._plane.server_changed(server)
        self._actions.clear_admin(server, Admin.RMAINT)
        return Message(", ".join(told) + _BY, WARNING)

    def _set_name(self, server: Server, words: Sequence[str]) -> object:
        if any(named.server is server for named in self._process.named_servers):
            raise Refused("set server <b>/<s> fqdn is not supported by this version of pyproxy.\n")
        raise Refused("set server <b>/<s> fqdn failed because no resolution is configured.\n")

    def _set_check_address(self, server: Server, words: Sequence[str]) -> str:
        text = word(words, 0)
        if not text:
            raise Refused("set server <b>/<s> check-addr requires an address and optionally a port.\n")
        plan = _plan(server)
        family, host = _ip(text)
        if family is None:
            raise Refused(f"invalid addr '{text}'")
        port = plan.port
        if word(words, 1) == "port":
            port = _check_port(word(words, 2))
        server.check = plan._replace(family=AF_INET if family is Family.IPV4 else AF_INET6, sockaddr=(host, 0), port=port)
        return ""

    def _set_check_port(self, server: Server, words: Sequence[str]) -> str:
        text = word(words, 0)
        if not text:
            raise Refused("set server <b>/<s> check-port requires a port.\n")
        server.check = _plan(server)._replace(port=_check_port(text))
        return ""


def _new_port(server: Server, text: str, port: int, offset: int | None) -> tuple[str, int, int | None]:
    """What is told of a new port, and (port, offset) from now on; `+N` and `-N` are added to the port the client came to."""
    digits = text.lstrip("+-")
    value = number_of(text)
    if not digits[:1].isdecimal() or not -PORT_MAX <= value <= PORT_MAX:
        return f"problem converting port '{text}' to an int", port, offset
    before = f"+{offset & 0xFFFF}" if offset is not None else str(port)     # as HAProxy shows one that is negative
    if text[0] in "+-":
        if server.check is None or not server.check.port:
            return _NO_PORT_TO_CHECK, port, offset
        return f"port changed from '{before}' to '{value:+}'", value, value
    if before == str(value):
        return "no need to change the port", port, offset
    return f"port changed from '{before}' to '{value}'", value, None


def _refuse(text: str) -> Callable[[Server, Sequence[str]], object]:
    def refuse(server: Server, words: Sequence[str]) -> object:
        raise Refused(text)

    return refuse


def _plan(server: Server) -> Any:
    if server.check is None:
        raise Refused("health checks are not enabled on this server")
    return server.check


def _check_port(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise Refused("provided port is not an integer")
    port = number_of(text)
    if port > PORT_MAX:
        raise Refused("provided port is invalid")
    return port


def _ip(text: str) -> tuple[Family | None, str]:
    try:
        address = ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:
        return None, text
    return (Family.IPV4 if address.version == 4 else Family.IPV6), str(address)
