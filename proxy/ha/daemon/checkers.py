"""The checkers child: a director, the status socket, signals."""

from __future__ import annotations

import signal

from proxy.base.errors import StartError
from proxy.ha.conf.model import Configuration, Global
from proxy.ha.daemon import scheduling
from proxy.ha.daemon.capabilities import CAP_NET_ADMIN, effective, require
from proxy.ha.daemon.children import VRRP, ChildSurroundings
from proxy.ha.daemon.metrics import MetricsServer
from proxy.ha.daemon.signals import Signals
from proxy.ha.daemon.status_socket import StatusSocket
from proxy.ha.loop import Loop
from proxy.ha.net.addresses import list_addresses
from proxy.ha.net.netlink import (
    RTMGRP_IPV4_IFADDR,
    RTMGRP_IPV4_ROUTE,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_IPV6_ROUTE,
    RTMGRP_LINK,
    Monitor,
    Netlink,
    Overrun,
)
from proxy.ha.virtual.director import Director
from proxy.ha.virtual.listing import dump_text, snapshot
from proxy.ha.virtual.metrics import metrics_text
from proxy.ha.virtual.planes.choose import choose
from proxy.ha.virtual.planes.plane import PlaneError

EXIT_CANNOT_BEGIN = 2
SETTLE_S = 0.2
"""News of the network comes in flocks; this long is waited for the rest of one."""


def run(around: ChildSurroundings) -> int:
    """Serve until told to end; the exit status."""
    loop, log, global_ = Loop(), around.log, around.configuration.global_
    try:
        require((CAP_NET_ADMIN,), effective())
        director = Director(loop, log, around.configuration, choose(loop, log))
        director.start()
    except StartError as error:
        log.say("err", f"{error.message} ({error.hint})" if error.hint else error.message)
        return EXIT_CANNOT_BEGIN
    except (PlaneError, OSError) as error:
        log.say("err", f"the kernel does not let us begin: {getattr(error, 'strerror', None) or error}")
        return EXIT_CANNOT_BEGIN
    network = _Network(loop, director)
    status = StatusSocket(loop, log, around.status_path, lambda: snapshot(director), lambda: metrics_text(director))
    metrics = MetricsServer(loop, log, lambda: metrics_text(director))

    def settle_metrics(configuration: Configuration) -> None:
        """The VRRP child serves them, where there is one."""
        metrics.configure(Global() if VRRP.wanted(around.arguments, configuration) else configuration.global_)

    settle_metrics(around.configuration)

    def end() -> None:
        log.detail("Stopping")
        network.close()
        director.stop(keep=_keeps(around, director))
        director.when_told(loop.stop)

    def told() -> None:
        messages = around.configurations.read()
        if messages is None:
            log.say("err", "the parent process has gone: ending")
            loop.remove(around.configurations.fileno())
            end()
            return
        for configuration in messages:
            director.reload(configuration)
            settle_metrics(configuration)
            log.say("info", f"Reloaded: {len(director.pools)} virtual servers")

    signals = Signals(loop, {
        signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: lambda: None,
        signal.SIGUSR1: lambda: dump_text(director, "/tmp/keepalived_check.data"),
        signal.SIGUSR2: lambda: dump_text(director, "/tmp/keepalived_check.stats"),
    })
    loop.add_reader(around.configurations.fileno(), told)
    scheduling.apply(scheduling.Scheduling(global_.checker_priority, global_.checker_rt_priority, global_.checker_no_swap,
                                           global_.checker_cpu_affinity), log)
    loop.run()
    signals.close()
    status.close()
    metrics.close()
    director.notices.close()
    loop.close()
    return 0


def _keeps(around: ChildSurroundings, director: Director) -> bool:
    """Whether the virtual servers stay in the kernel when we end: -I."""
    return around.arguments.keep_virtual_servers


class _Network:
    """Tells a director what changes about this machine's network."""

    def __init__(self, loop: Loop, director: Director) -> None:
        self._loop, self._director = loop, director
        self._netlink = Netlink()
        self._monitor = Monitor(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)
        self._settled = loop.timer(self._look)
        self._open = True
        loop.add_reader(self._monitor.fileno(), self._news)
        director.addresses_changed(self._addresses())

    def _addresses(self) -> frozenset[bytes]:
        return frozenset(each.address for each in list_addresses(self._netlink))

    def _news(self) -> None:
        try:
            if not self._monitor.read():
                return
        except Overrun:
            pass                                # everything is looked at anyway
        if self._settled.at > self._loop.now() + SETTLE_S:
            self._settled.set(self._loop.now() + SETTLE_S)

    def _look(self) -> None:
        self._director.addresses_changed(self._addresses())
        self._director.network_changed()

    def close(self) -> None:
        """Listen no more."""
        if self._open:
            self._open = False
            self._settled.cancel()
            self._loop.remove(self._monitor.fileno())
            self._monitor.close()
            self._netlink.close()
