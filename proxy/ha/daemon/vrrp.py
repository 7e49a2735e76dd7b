"""The VRRP child: a stage, the status socket, signals."""

from __future__ import annotations

import json
import signal

from proxy.base.errors import StartError
from proxy.ha.conf.model import Configuration
from proxy.ha.daemon import scheduling
from proxy.ha.daemon.arguments import CLEAR_SIGNAL, JSON_SIGNAL
from proxy.ha.daemon.capabilities import CAP_NET_ADMIN, CAP_NET_RAW, effective, require
from proxy.ha.daemon.children import CHECKERS, ChildSurroundings, status_path
from proxy.ha.daemon.metrics import MetricsServer
from proxy.ha.daemon.signals import Signals
from proxy.ha.daemon.status_socket import StatusSocket
from proxy.ha.loop import Loop
from proxy.ha.speaker.stage import EXIT_MISSING_INTERFACE, Stage
from proxy.ha.speaker.status import dump, metrics_text, snapshot, table


def run(around: ChildSurroundings) -> int:
    """Serve until told to end; the exit status."""
    loop, log = Loop(), around.log
    try:
        require((CAP_NET_ADMIN, CAP_NET_RAW), effective())
        stage = Stage(loop, log, around.configuration)
        stage.start()
    except StartError as error:
        log.say("err", f"{error.message} ({error.hint})" if error.hint else error.message)
        return EXIT_MISSING_INTERFACE
    except OSError as error:
        log.say("err", f"the kernel does not let us begin: {error.strerror or error}")
        return EXIT_MISSING_INTERFACE
    def checkers_path(configuration: Configuration) -> str:
        wanted = CHECKERS.wanted(around.arguments, configuration)
        return status_path(around.arguments.checkers_pid_file) if wanted else ""

    status = StatusSocket(loop, log, around.status_path, lambda: snapshot(stage))
    metrics = MetricsServer(loop, log, lambda: metrics_text(stage))
    metrics.configure(around.configuration.global_, checkers_path(around.configuration))

    def end() -> None:
        stage.stop(release=not around.arguments.keep_addresses)
        stage.when_told(loop.stop)

    def clear() -> None:
        dump(stage, "keepalived.stats", table(snapshot(stage)))
        stage.clear_counters()

    def reload(configuration: Configuration) -> None:
        try:
            stage.reload(configuration)
        except StartError as error:
            log.say("err", f"not reloaded: {error.message} ({error.hint})")
            return
        metrics.configure(configuration.global_, checkers_path(configuration))
        log.say("info", "Reloaded: " + ", ".join(f"{name} {member.state.value}" for name, member in stage.members.items()))

    def told() -> None:
        messages = around.configurations.read()
        if messages is None:
            log.say("err", "the parent process has gone: giving up the addresses and ending")
            loop.remove(around.configurations.fileno())
            end()
            return
        for configuration in messages:
            reload(configuration)

    signals = Signals(loop, {
        signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: lambda: None,
        signal.SIGUSR1: lambda: dump(stage, "keepalived.data", table(snapshot(stage))),
        signal.SIGUSR2: lambda: dump(stage, "keepalived.stats", table(snapshot(stage))),
        JSON_SIGNAL: lambda: dump(stage, "keepalived.json", json.dumps(snapshot(stage), indent=2) + "\n"),
        CLEAR_SIGNAL: clear,
    })
    loop.add_reader(around.configurations.fileno(), told)
    wanted = around.configuration.global_
    scheduling.apply(scheduling.Scheduling(wanted.vrrp_priority, wanted.vrrp_rt_priority, wanted.vrrp_no_swap,
                                           wanted.vrrp_cpu_affinity), log)
    loop.run()
    signals.close()
    status.close()
    metrics.close()
    stage.close()
    loop.close()
    return 0


