"""What a process answers on its sockets for commands: every family of `admin`, put together for one control plane.

Loaded where there is such a socket only: what it needs of the statistics takes a tenth of a start (`master.preload`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy.admin.commands import Commands
from proxy.admin.plane import Plane
from proxy.admin.proxies import ProxyCommands
from proxy.admin.runtime import runtime_commands
from proxy.admin.server_tables import NONE, Configured
from proxy.admin.servers import ServerCommands
from proxy.admin.statistics import StatisticsCommands
from proxy.admin.surroundings import SurroundingsCommands
from proxy.base.clock import Clock
from proxy.config.model import Configuration
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.stats.actions import RuntimeActions
from proxy.stats.info import LoadMeter


def commands_of(
    configuration: Configuration, process: Process, clock: Clock, actions: RuntimeActions, plane: Plane,
    set_weight: Callable[[Server, str], None], meter: LoadMeter, environment: Mapping[str, str],
) -> Commands:
    """The table of all commands of a process."""
    return runtime_commands(
        ServerCommands(process, clock, actions, plane, set_weight, configured_of(configuration)).rows(),
        ProxyCommands(process, plane).rows(),
        StatisticsCommands(process, clock, plane, meter).rows(),
        SurroundingsCommands(plane, environment, command_sockets(configuration), passwords(configuration)).rows(),
    )


def configured_of(configuration: Configuration) -> Configured:
    """What of the configuration commands show and nothing else needs."""
    servers = [(section, server) for section in configuration.proxies for server in section.servers]
    return Configured(
        frozenset([
            *((section.name, "") for section in configuration.proxies if section.proxy_id is not None),
            *((section.name, server.name) for section, server in servers if server.server_id is not None),
        ]),
        {(section.name, server.name): (server.check_address.host if server.check_address else NONE, server.check_port or 0)
         for section, server in servers},
    )


def command_sockets(configuration: Configuration) -> list[tuple[str, str]]:
    """Address and level of each `stats socket`."""
    return [(str(line.address), line.level) for line in configuration.global_.stats_sockets]


def passwords(configuration: Configuration) -> list[str]:
    """What nobody is to be told."""
    return [password for section in configuration.proxies if section.stats is not None for _, password in section.stats.users]
