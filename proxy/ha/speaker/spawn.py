"""Programs that the configuration names: run as their user, never waited for, never longer than they may."""

from __future__ import annotations

import grp
import os
import pwd
import signal
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from proxy.ha.conf.model import Global
from proxy.ha.conf.script_command import ScriptCommand
from proxy.ha.log import Log
from proxy.ha.loop import NEVER, Loop, Timer

DEFAULT_USER = "keepalived_script"
KILL_AFTER_S = 2.0
TIMED_OUT = -1


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a program runs as; None is who we are."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()


class Programs:
    """Starts programs and tells how they ended."""

    def __init__(self, loop: Loop, log: Log, global_: Global) -> None:
        self._loop, self._log = loop, log
        self._running: dict[int, Running] = {}
        self._idle: Timer | None = None
        self.configure(global_)

    def configure(self, global_: Global) -> None:
        """Take the script settings of `global_defs`."""
        self._identities: dict[tuple[str, str], Identity] = {}
        self._secure = global_.enable_script_security
        self._default_user, self._default_group = global_.script_user, global_.script_group
        if not self._default_user:
            try:
                pwd.getpwnam(DEFAULT_USER)
                self._default_user = DEFAULT_USER
            except KeyError:
                pass

    def trouble(self, command: ScriptCommand) -> str:
        """Why a program must not or cannot be run; "" when it may."""
        path = self._path(command.words[0])
        if path is None:
            return f"script {command.words[0]} is not there or cannot be executed"
        try:
            identity = self.identity(command)
        except LookupError as error:
            return f"script {path}: no {error.args[0]}"
        if self._secure and (identity.uid if identity.uid is not None else os.geteuid()) == 0:
            unsafe = unsafe_part(path)
            if unsafe:
                return f"script {path} would run as root, and {unsafe} can be changed by others: it is not run"
        return ""

    def identity(self, command: ScriptCommand) -> Identity:
        """Who runs it; looked up once, because a directory service that is slow would hold every timer up.

        Raises: LookupError with what does not exist.
        """
        user, group = command.user or self._default_user, command.group or ("" if command.user else self._default_group)
        if (user, group) not in self._identities:
            self._identities[user, group] = self._look_up(user, group)
        return self._identities[user, group]

    @staticmethod
    def _look_up(user: str, group: str) -> Identity:
        if not user or os.geteuid() != 0:
            return Identity()
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            raise LookupError(f"user {user}") from None
        try:
            gid = grp.getgrnam(group).gr_gid if group else entry.pw_gid
        except KeyError:
            raise LookupError(f"group {group}") from None
        if entry.pw_uid == os.geteuid() and gid == os.getegid():
            return Identity()
        return Identity(entry.pw_uid, gid, tuple(os.getgrouplist(user, gid)))

    def run(self, command: ScriptCommand, extra: tuple[str, ...], timeout_s: float,
            ended: Callable[[int], None]) -> Running | None:
        """Start a program, None when it cannot; `ended` is told its exit status (from 128 on a signal) or TIMED_OUT."""
        trouble = self.trouble(command)
        if trouble:
            self._log.say("warning", trouble)
            return None
        identity = self.identity(command)
        try:
            process = subprocess.Popen(
                [self._path(command.words[0]) or command.words[0], *command.words[1:], *extra],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                user=identity.uid, group=identity.gid,
                extra_groups=None if identity.uid is None else identity.groups,
                restore_signals=True, close_fds=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._log.say("warning", f"cannot run {command.words[0]}: {error}")
            return None
        running = Running(self._loop, process, timeout_s, ended, self._one_less)
        self._running[process.pid] = running
        return running

    def when_idle(self, patience_s: float, then: Callable[[], None]) -> None:
        """Call back once nothing runs any more, or after so long; what still runs then is left to run."""
        waiting = self._loop.timer(lambda: self._became_idle(then))
        waiting.set(self._loop.now() + (patience_s if self._running else 0.0))
        self._idle = waiting

    def _became_idle(self, then: Callable[[], None]) -> None:
        self._idle = None
        then()

    def _one_less(self, pid: int) -> None:
        self._running.pop(pid, None)
        if self._idle is not None and not self._running:
            self._idle.set(self._loop.now())

    @staticmethod
    def _path(word: str) -> str | None:
        if "/" in word:
            return word if os.access(word, os.X_OK) and os.path.isfile(word) else None
        for folder in os.environ.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").split(":"):
            path = os.path.join(folder, word)
            if os.access(path, os.X_OK) and os.path.isfile(path):
                return path
        return None


class Running:
    """One program that runs."""

    def __init__(self, loop: Loop, process: subprocess.Popen[bytes], timeout_s: float, ended: Callable[[int], None],
                 gone: Callable[[int], None]) -> None:
        self._process, self._ended, self._gone = process, ended, gone
        self._loop = loop
        self.timed_out = False
        self._timer = loop.timer(self._too_long, loop.now() + timeout_s if timeout_s != NEVER else NEVER)
        loop.watch_process(process.pid, self._end)

    def terminate(self) -> None:
        """Ask it to end, with everything it has started."""
        self._signal(signal.SIGTERM)

    def _too_long(self) -> None:
        if not self.timed_out:
            self.timed_out = True
            self._signal(signal.SIGTERM)
            self._timer.set(self._loop.now() + KILL_AFTER_S)
        else:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def _end(self, status: int) -> None:
        self._timer.cancel()
        self._gone(self._process.pid)
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code
        self._ended(TIMED_OUT if self.timed_out else code if code >= 0 else 128 - code)


def unsafe_part(path: str) -> str:
    """The part of a path, links followed, that somebody else than root may change; "" when there is none."""
    for each in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
        while True:
            try:
                found = os.stat(each)
            except OSError:
                return each
            writable = stat.S_IWOTH | (stat.S_IWGRP if found.st_gid != 0 else 0)
            sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
            if found.st_uid != 0 or (found.st_mode & writable and not sticky):
                return each
            if each == "/":
                break
            each = os.path.dirname(each)
    return ""
