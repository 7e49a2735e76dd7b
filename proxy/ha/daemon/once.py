"""`startup_script` and `shutdown_script`: run once, waited for, before the first child and after the last."""

from __future__ import annotations

from proxy.ha.conf.model import Global
from proxy.ha.conf.script_command import ScriptCommand
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.speaker.spawn import TIMED_OUT, Programs


def run_once(command: ScriptCommand | None, timeout_s: float, global_: Global, log: Log) -> None:
    """Run a program to its end, at most so long."""
    if command is None:
        return
    loop = Loop()

    def ended(code: int) -> None:
        if code == TIMED_OUT:
            log.say("warning", f"script {command.words[0]} took longer than {timeout_s:g} s and was ended")
        elif code:
            log.say("warning", f"script {command.words[0]} exited with status {code}")
        loop.stop()

    if Programs(loop, log, global_).run(command, (), timeout_s, ended) is not None:
        loop.run()
    loop.close()
