"""What `-c` can tell beyond the text of a configuration: whether the names in it mean anything on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from proxy.base.addresses import Address, Family
from proxy.base.clock import SystemClock
from proxy.build import build
from proxy.config.model import Configuration
from proxy.engine.listening import rehearse_listeners


def rehearse(configuration: Configuration, warn: Callable[[str, str], None]) -> None:
    """Look up every name that a start would look up, and open nothing.

    `warn` is told what would be left out. Raises: StartError for names without which there is no start, all of them.
    """
    if not any(address.family in (Family.NAME, Family.DESCRIPTOR) for address in _addresses(configuration)):
        return
    process = build(configuration, SystemClock(), warn)
    enabled = (frontend for frontend in process.frontends if not frontend.disabled)
    rehearse_listeners(listener for frontend in enabled for listener in frontend.listeners)


def _addresses(configuration: Configuration) -> Iterator[Address]:
    yield from (target.address for target in configuration.global_.log_targets)
    for section in configuration.proxies:
        yield from (bind.address for bind in section.binds)
        yield from (target.address for target in section.log_targets)
        for server in section.servers:
            sources = (server.source, section.source, server.check_address)
            yield from (server.address, *(address for address in sources if address is not None))
