"""Which children there are, when each is wanted, and what runs in it.

A child's `run` is called in the forked process with its surroundings and returns the exit status. It serves until TERM, or until
`configurations` ends, because then the parent has gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from proxy.ha.conf.model import Configuration
from proxy.ha.daemon.arguments import Arguments
from proxy.ha.daemon.channel import Receiving
from proxy.ha.log import ProcessLog


@dataclass(frozen=True, slots=True)
class ChildSurroundings:
    """What a child gets from its parent. `status_path` is where its status socket is to be; `configurations` brings reloads."""

    arguments: Arguments
    configuration: Configuration
    configurations: Receiving
    log: ProcessLog
    status_path: str


Run = Callable[[ChildSurroundings], int]


@dataclass(frozen=True, slots=True)
class ChildKind:
    """One kind of child. `module` has a function `run`."""

    name: str
    ident: str
    module: str
    wanted: Callable[[Arguments, Configuration], bool]
    pid_file: Callable[[Arguments], str]

    def run(self, around: ChildSurroundings) -> int:
        """What happens in the child."""
        run: Run = import_module(self.module).run
        return run(around)


VRRP = ChildKind("VRRP", "Keepalived_vrrp", "proxy.ha.daemon.vrrp",
                 lambda arguments, configuration: arguments.vrrp and bool(
                     configuration.instances or configuration.static_addresses or configuration.static_routes
                     or configuration.static_rules),
                 lambda arguments: arguments.vrrp_pid_file)
CHECKERS = ChildKind("checkers", "Keepalived_healthcheckers", "proxy.ha.daemon.checkers",
                     lambda arguments, configuration: arguments.checkers and bool(configuration.virtual_servers),
                     lambda arguments: arguments.checkers_pid_file)
KINDS: tuple[ChildKind, ...] = (VRRP, CHECKERS)


def status_path(pid_file: str) -> str:
    """The status socket of the child with this pid file: beside it."""
    return pid_file.removesuffix(".pid") + ".sock"
