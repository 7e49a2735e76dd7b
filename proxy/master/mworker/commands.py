"""What a master answers on its socket (`-S`), and how it passes on what is for one of its workers.

`@1 <command>` asks the current worker, `@!<pid>` the one of that pid; without a command, or with a `;`, the rest of the line, and
with a prompt all that follows, goes there until `@master`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence

from proxy.admin.commands import Answer, Caller, Command, Commands
from proxy.base.version import HAPROXY_VERSION
from proxy.master.mworker.generation import Generation
from proxy.master.mworker.master import Master

COLUMNS = "#<PID>          <type>          <reloads>       <uptime>        <version>      \n"


class MasterSpeaker:
    """Answers over one connection (`admin.conversation.Speaker`)."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self._target = ""                   # whom the next command is for, "" = the master
        self._commands = Commands((
            Command(("@!<pid>",), "@!<pid>", "send a command to the <pid> process", self._here),
            Command(("@<relative pid>",), "@<relative pid>", "send a command to the <relative pid> process", self._here),
            Command(("@master",), "@master", "send a command to the master process", self._here),
            Command(("reload",), "reload", "reload haproxy", self._reload, "operator"),
            Command(("show", "proc"), "show proc", "show processes status", lambda words, caller: process_table(master)),
            Command(("show", "version"), "show version", "show version of the current process",
                    lambda words, caller: HAPROXY_VERSION + "\n"),
        ))

    def answer(self, command: str, caller: Caller) -> Answer | None:
        target, words = self._target, command.split()
        if words[0].startswith("@"):
            target, words = words[0], words[1:]
            if target != "@master" and self._find(target) is None:
                return f"Can't find the target PID matching the prefix '{target}'"
            if not words:
                self._target = "" if target == "@master" else target
                return None
        if target in ("", "@master"):
            return self._commands.answer(words, caller)
        return self._ask(target, " ".join(words), caller)

    def prompt(self) -> str:
        worker = self._find(self._target)
        return f"{worker.pid}> " if worker is not None else "master> "

    def end_line(self, is_interactive: bool) -> None:
        if not is_interactive:
            self._target = ""

    def _here(self, words: Sequence[str], caller: Caller) -> str:
        return ""

    def _find(self, target: str) -> Generation | None:
        master = self._master
        if target == "@1":
            return master.current
        wanted = target.removeprefix("@!")
        return next((each for each in master.all if each.is_ready and wanted == str(each.pid) and target != wanted), None)

    async def _ask(self, target: str, command: str, caller: Caller) -> str:
        worker = self._find(target)
        if worker is None:
            return f"Can't find the target PID matching the prefix '{target}'"
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        def answered(text: str | None) -> None:
            if not answer.done():
                answer.set_result(text)

        worker.ask(command, caller.level, answered)
        text = await answer
        return "The process has gone.\n" if text is None else text

    async def _reload(self, words: Sequence[str], caller: Caller) -> str:
        over: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()

        def told(success: bool, text: str) -> None:
            if not over.done():
                over.set_result((success, text))

        self._master.reload(told)
        success, text = await over
        return f"Success={int(success)}\n--\n{text}"


def process_table(master: Master) -> str:
    """`show proc`.

    Source: HAProxy management guide, section 9.4 "show proc".
    """
    reloads = f"{master.reloads} [failed: {master.failed}]"
    lines = [COLUMNS, _row(os.getpid(), "master", reloads, master.started_s, HAPROXY_VERSION), "# workers\n"]
    if master.current is not None:
        lines.append(_worker(master, master.current))
    if master.leaving:
        lines += ["# old workers\n", *(_worker(master, each) for each in master.leaving)]
    return "".join([*lines, "# programs\n"])


def _worker(master: Master, worker: Generation) -> str:
    return _row(worker.pid, "worker", str(master.reloads - worker.reloads), worker.started_s, worker.version)


def _row(pid: int, kind: str, reloads: str, started_s: float, version: str) -> str:
    minutes, seconds = divmod(int(time.monotonic() - started_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    uptime = f"{days}d{hours:02}h{minutes:02}m{seconds:02}s"
    return f"{pid:<15} {kind:<15} {reloads:<15} {uptime:<15} {version:<15}\n"
