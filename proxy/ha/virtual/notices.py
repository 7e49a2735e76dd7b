"""Who is told of servers and quorums: scripts, pipes, mail.

A line in a pipe: `RS [10.0.0.1]:tcp:80 [10.0.0.9]:tcp:80 UP`, `VS [10.0.0.9]:tcp:80 DOWN`. Source: keepalived.conf(5).
"""

from __future__ import annotations

import os
import socket
import stat
import time

from proxy.ha.conf.model import Fifo, Global
from proxy.ha.conf.script_command import ScriptCommand
from proxy.ha.log import Log
from proxy.ha.loop import NEVER, Loop
from proxy.ha.speaker.mail import Mail, send_in_child
from proxy.ha.speaker.spawn import Programs, Running
from proxy.ha.virtual.pool import Event, Kind, Pool

FIFO_MODE = 0o600


class Notices:
    """Tells of a pool's events as the configuration wants it."""

    def __init__(self, loop: Loop, log: Log, programs: Programs, global_: Global) -> None:
        self._loop, self._log, self._programs = loop, log, programs
        self._pipes: dict[str, int] = {}
        self._made: set[str] = set()
        self._readers: dict[str, Running] = {}
        self._global = global_
        self.configure(global_)

    def configure(self, global_: Global) -> None:
        """Take the pipes and the mail settings of `global_defs`; pipes that stay are not closed."""
        self._global = global_
        # The reader of the common pipe is the VRRP child's to start.
        wanted = {fifo.path: (fifo, script) for fifo, script in ((global_.notify_fifo, None),
                                                                 (global_.lvs_notify_fifo, global_.lvs_notify_fifo_script))
                  if fifo is not None}
        for path in self._pipes.keys() - wanted.keys():
            self._close_pipe(path)
        for path, (fifo, script) in wanted.items():
            if path not in self._pipes:
                self._open_pipe(fifo, script)

    def tell(self, pool: Pool, event: Event) -> None:
        """Tell of one event."""
        word = "UP" if event.kind in (Kind.SERVER_UP, Kind.QUORUM_UP) else "DOWN"
        configured = pool.configured
        if event.server is not None:
            self._run(event.server.notify_up if word == "UP" else event.server.notify_down)
            name = pool.server_name(event.server)
            self._write(f"RS {name} {configured.name} {word}")
            if event.server.smtp_alert:
                self._mail(f"Realserver {name} of virtual server {configured.name} - {word}",
                           f"=> {event.text} <=\n\n{event.why}\n", word)
            return
        self._run(configured.quorum_up if word == "UP" else configured.quorum_down)
        self._write(f"VS {configured.name} {word}")
        if configured.smtp_alert:
            self._mail(f"Virtualserver {configured.name} - {word}", f"=> {event.text} <=\n", word)

    def ending(self, pool: Pool) -> None:
        """`omega`: what is up now counts as going down."""
        configured = pool.configured
        for real in pool.reals.values():
            if real.alive:
                self._run(real.server.notify_down)
                self._write(f"RS {pool.server_name(real.server)} {configured.name} DOWN")
        if pool.quorum_up:
            self._run(configured.quorum_down)
            self._write(f"VS {configured.name} DOWN")

    def close(self) -> None:
        """Close the pipes; those that read them see the end."""
        for path in list(self._pipes):
            self._close_pipe(path)

    def _run(self, script: ScriptCommand | None) -> None:
        if script is not None:
            self._programs.run(script, (), NEVER,
                               lambda code: self._log.detail(f"{script.words[0]} exited with status {code}") if code else None)

    def _write(self, text: str) -> None:
        for path, descriptor in self._pipes.items():
            try:
                os.write(descriptor, f"{text}\n".encode("utf-8", "surrogateescape"))
            except OSError as error:
                self._log.say("warning", f"notify fifo {path}: {error.strerror}: lost {text}")

    def _mail(self, subject: str, body: str, word: str) -> None:
        settings = self._global
        if (word == "DOWN" and settings.no_email_faults) or not settings.smtp_server or not settings.notification_email:
            return
        host = socket.gethostname()
        mail = Mail(settings.smtp_server, settings.smtp_port, settings.smtp_helo_name or host, settings.smtp_connect_timeout_s,
                    settings.notification_email_from or f"keepalived@{host}", settings.notification_email,
                    f"[{settings.router_id or host}] {subject}", body, time.time())
        send_in_child(self._loop, mail,
                      lambda status: self._log.say("warning", f"the mail '{subject}' could not be sent") if status else None)

    def _open_pipe(self, fifo: Fifo, script: ScriptCommand | None) -> None:
        try:
            try:
                os.mkfifo(fifo.path, FIFO_MODE)
                self._made.add(fifo.path)
            except FileExistsError:
                if not stat.S_ISFIFO(os.lstat(fifo.path).st_mode):
                    self._log.say("warning", f"notify fifo {fifo.path} is there and is no fifo: not used")
                    return
            identity = self._programs.identity(ScriptCommand(("",), fifo.user, fifo.group))
            if identity.uid is not None and identity.gid is not None:
                os.chown(fifo.path, identity.uid, identity.gid, follow_symlinks=False)
            descriptor = os.open(fifo.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except (OSError, LookupError) as error:
            self._log.say("warning", f"notify fifo {fifo.path}: {getattr(error, 'strerror', None) or error}")
            return
        self._pipes[fifo.path] = descriptor
        if script is not None:
            path = fifo.path
            running = self._programs.run(script, (path,), NEVER, lambda code: self._log.say(
                "info", f"the script that reads {path} exited with status {code}"))
            if running is not None:
                self._readers[path] = running

    def _close_pipe(self, path: str) -> None:
        os.close(self._pipes.pop(path))
        if path in self._readers:
            self._readers.pop(path).terminate()
        if path in self._made:
            self._made.discard(path)
            try:
                os.unlink(path)
            except OSError:
                pass
