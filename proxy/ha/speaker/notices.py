"""Who is told of a transition: scripts, pipes, mail."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass

from proxy.ha.conf.model import Fifo, Global, Notify
from proxy.ha.conf.script_command import ScriptCommand
from proxy.ha.log import Log
from proxy.ha.loop import NEVER, Loop
from proxy.ha.speaker.mail import Mail, send_in_child
from proxy.ha.speaker.spawn import Programs, Running
from proxy.ha.vrrp.actions import State

FIFO_MODE = 0o600


@dataclass(slots=True)
class _Pipe:
    """One open pipe, and the script that reads it."""

    fifo: Fifo
    descriptor: int
    reader: Running | None = None


class Notices:
    """Tells of transitions as a configuration wants it."""

    def __init__(self, loop: Loop, log: Log, programs: Programs, global_: Global) -> None:
        self._loop, self._log, self._programs = loop, log, programs
        self._pipes: list[_Pipe] = []
        self._mails = 0
        self._global = global_
        self.configure(global_)

    def configure(self, global_: Global) -> None:
        """Take the pipes and the mail settings of `global_defs`; pipes that stay are not closed."""
        self._global = global_
        wanted = [(fifo, script) for fifo, script in ((global_.notify_fifo, global_.notify_fifo_script),
                                                      (global_.vrrp_notify_fifo, global_.vrrp_notify_fifo_script))
                                                      if fifo is not None]
        keep = {fifo.path for fifo, _ in wanted}
        for pipe in [each for each in self._pipes if each.fifo.path not in keep]:
            self._close_pipe(pipe)
        opened = {each.fifo.path for each in self._pipes}
        for fifo, script in wanted:
            if fifo.path not in opened:
                self._open_pipe(fifo, script)

    def close(self) -> None:
        """Close the pipes; those that read them see the end."""
        for pipe in list(self._pipes):
            self._close_pipe(pipe)

    def transition(self, kind: str, name: str, state: State, priority: int, notify: Notify, reason: str) -> None:
        """Tell of a new state of an INSTANCE or GROUP."""
        word = state.value
        script = {State.MASTER: notify.master, State.BACKUP: notify.backup, State.FAULT: notify.fault,
                  State.STOP: notify.stop}.get(state)
        if script is not None:
            self._run(script, ())
        if notify.any is not None:
            self._run(notify.any, (kind, name, word, str(priority)))
        self.write(kind, name, word, priority)
        if self._wants_mail(notify, state):
            self._mail(f"[{self.router_id}] VRRP {'Instance' if kind == 'INSTANCE' else 'Group'} {name} - Entering {word} state",
                       f"=> {_SENTENCES.get(state, word)} <=\n\n{reason}\n")

    def deleted(self, name: str, priority: int, notify: Notify) -> None:
        """Tell that an instance is no longer configured."""
        word = "DELETED" if notify.send_deleted else "FAULT"
        script = notify.deleted if notify.send_deleted else notify.fault
        if script is not None:
            self._run(script, ())
        if notify.any is not None:
            self._run(notify.any, ("INSTANCE", name, word, str(priority)))
        self.write("INSTANCE", name, word, priority)

    def heard_lower(self, name: str, priority: int, notify: Notify) -> None:
        """Tell that a master has heard a lower priority."""
        if notify.master_rx_lower_pri is not None:
            self._run(notify.master_rx_lower_pri, ())
        self.write("INSTANCE", name, "MASTER_RX_LOWER_PRI", priority)

    def priority(self, name: str, state: State, priority: int, notify: Notify) -> None:
        """Tell of a new priority, where that is wanted."""
        wanted = self._global.vrrp_notify_priority_changes if notify.priority_changes is None else notify.priority_changes
        if wanted and state in (State.MASTER, State.BACKUP):
            self.write("INSTANCE", name, f"{state.value}_PRIORITY", priority)

    def write(self, kind: str, name: str, word: str, priority: int) -> None:
        """Write one line to every pipe; one that nobody reads loses it when it is full."""
        line = f'{kind} "{name}" {word} {priority}\n'.encode("utf-8", "surrogateescape")
        for pipe in self._pipes:
            try:
                os.write(pipe.descriptor, line)
            except OSError as error:
                self._log.say("warning", f"notify fifo {pipe.fifo.path}: {error.strerror}: lost "
                                         f"{line.decode('utf-8', 'replace').strip()}")

    @property
    def router_id(self) -> str:
        """`router_id`, or the host's name."""
        return self._global.router_id or socket.gethostname()

    def _run(self, script: ScriptCommand, extra: tuple[str, ...]) -> None:
        self._programs.run(script, extra, NEVER,
                           lambda code: self._log.detail(f"{script.words[0]} exited with status {code}") if code else None)

    def _wants_mail(self, notify: Notify, state: State) -> bool:
        if state not in _SENTENCES or (state is State.FAULT and self._global.no_email_faults):
            return False
        for each in (notify.smtp_alert, self._global.smtp_alert_vrrp, self._global.smtp_alert):
            if each is not None:
                return each
        return False

    def _mail(self, subject: str, body: str) -> None:
        settings = self._global
        if not settings.smtp_server or not settings.notification_email:
            self._log.say("warning", f"no mail about '{subject}': smtp_server and notification_email are needed")
            return
        host = socket.gethostname()
        mail = Mail(settings.smtp_server, settings.smtp_port, settings.smtp_helo_name or host, settings.smtp_connect_timeout_s,
                    settings.notification_email_from or f"keepalived@{host}", settings.notification_email, subject, body,
                    time.time())
        send_in_child(self._loop, mail, self._mailed(subject))

    def _mailed(self, subject: str) -> Callable[[int], None]:
        return lambda status: self._log.say("warning", f"the mail '{subject}' could not be sent") if status else None

    def _open_pipe(self, fifo: Fifo, script: ScriptCommand | None) -> None:
        try:
            try:
                os.mkfifo(fifo.path, FIFO_MODE)
            except FileExistsError:
                if not stat.S_ISFIFO(os.lstat(fifo.path).st_mode):
                    self._log.say("warning", f"notify fifo {fifo.path} is there and is no fifo: not used")
                    return
            identity = self._programs.identity(ScriptCommand(("",), fifo.user, fifo.group))
            if identity.uid is not None and identity.gid is not None:
                os.chown(fifo.path, identity.uid, identity.gid, follow_symlinks=False)
            # For reading too, so that it opens without a reader and does not end when one goes.
            descriptor = os.open(fifo.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except (OSError, LookupError) as error:
            self._log.say("warning", f"notify fifo {fifo.path}: {getattr(error, 'strerror', None) or error}")
            return
        pipe = _Pipe(fifo, descriptor)
        self._pipes.append(pipe)
        if script is not None:
            pipe.reader = self._programs.run(script, (fifo.path,), NEVER, lambda code: self._reader_ended(pipe, code))

    def _reader_ended(self, pipe: _Pipe, code: int) -> None:
        pipe.reader = None
        self._log.say("info", f"the script that reads {pipe.fifo.path} exited with status {code}")

    def end_readers(self) -> None:
        """Ask the scripts that read the pipes to end."""
        for pipe in self._pipes:
            if pipe.reader is not None:
                pipe.reader.terminate()

    def _close_pipe(self, pipe: _Pipe) -> None:
        self._pipes.remove(pipe)
        os.close(pipe.descriptor)
        if pipe.reader is not None:
            pipe.reader.terminate()
        try:
            os.unlink(pipe.fifo.path)
        except OSError:
            pass


_SENTENCES = {
    State.MASTER: "VRRP Instance now owns the VRRP addresses",
    State.BACKUP: "VRRP Instance no longer owns the VRRP addresses",
    State.FAULT: "VRRP Instance has a fault and serves nobody",
}
