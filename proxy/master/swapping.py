"""Reload inside one process: another graph of runtime objects beside the running one, on the same loop.

    old Instance ─serving───────────────────────▶ stopping ─its last stream over─▶ closed
    new Instance        built ─ bound ─ opened ─▶ serving: the listening sockets that both have, the counters, the states

Whatever fails before the new one serves leaves the old one as it was. A listener that stays keeps its socket: the new graph has a
descriptor of the same one, and clients who wait in it meet either. A `bind` line with port 0 that stays keeps its port.
What the old graph's last streams count is added to the new one's counters (`runtime.legacy`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from proxy.base.addresses import Family
from proxy.base.errors import StartError
from proxy.config.model import Configuration
from proxy.engine.handover import Inherited, duplicate
from proxy.master.assemble import Instance, assemble
from proxy.master.control import Say
from proxy.runtime.frontend import Listener
from proxy.runtime.legacy import Legacy, legacy_of
from proxy.runtime.process import Process
from proxy.runtime.restoring import restore_states

LOOK_S = 1.0


class Retired:
    """An old instance that ends: credits what it still counts, then closes it and calls `over`."""

    def __init__(self, instance: Instance, successor: Process, legacy: Legacy, over: Callable[[Retired], None]) -> None:
        self.instance = instance
        self._successor = successor
        self._legacy = legacy
        self._over = over
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Let its streams end."""
        self.instance.on_stopped = self._stopped
        self._look()
        self.instance.soft_stop()

    def pay_to(self, successor: Process) -> None:
        """Its successor has one itself by now: what it still counts goes there."""
        self._legacy.credit(self._successor.board)
        self._successor = successor

    def end(self) -> None:
        """End it now."""
        self.instance.hard_stop()

    def _look(self) -> None:
        self._legacy.credit(self._successor.board)
        self._timer = self.instance.worker.loop.call_later(LOOK_S, self._look)

    def _stopped(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._legacy.credit(self._successor.board)
        self._legacy.release()
        self.instance.close()
        self._over(self)


def swap(
    old: Instance, configuration: Configuration, say: Say, over: Callable[[Retired], None]
) -> tuple[Instance, Retired]:
    """Serve another configuration from now on, on the loop's thread; `over` is called when the old instance has ended.

    The caller begins the retirement once it knows both.
    Raises: StartError, with nothing changed.
    """
    if old.is_stopped or old.process.closing:
        raise StartError("reload", "it is stopping: nothing is reloaded any more")
    new = assemble(configuration, old.clock, say=say)
    if not any(new.process.enabled_listeners()):
        raise StartError("listeners", "nothing to listen on", "add a 'bind' line to a frontend or listen section")
    _keep_ports(old.process, new.process)
    inherited = Inherited([(_path(listener), duplicate(sock)) for listener, sock in old.worker.listening()])
    legacy = legacy_of(old.process)
    try:
        new.bind(inherited)
        new.open()
        restore_states(new.process.backends, legacy.servers, new.clock.monotonic_ms())
        new.start(old.worker.loop)
    except BaseException:
        new.close()
        legacy.release()
        raise
    finally:
        inherited.close()
    return new, Retired(old, new.process, legacy, over)


def _path(listener: Listener) -> str:
    return listener.address.host if listener.address.family is Family.UNIX else ""


def _keep_ports(old: Process, new: Process) -> None:
    """The nth `bind` line of a frontend for some address with port 0 is the one that the nth was before."""
    given = {key: listener.bound for key, listener in _unnumbered(old)}
    for key, listener in _unnumbered(new):
        bound = given.get(key)
        if isinstance(bound, tuple):
            listener.address = listener.address._replace(port=bound[1])


def _unnumbered(process: Process) -> list[tuple[tuple[str, str, int], Listener]]:
    found = []
    seen: Counter[tuple[str, str]] = Counter()
    for listener in process.enabled_listeners():
        address = listener.bind.address
        if address.family in (Family.IPV4, Family.IPV6, Family.NAME) and not address.port:
            name = (listener.frontend.name, str(address))
            found.append(((*name, seen[name]), listener))
            seen[name] += 1
    return found
