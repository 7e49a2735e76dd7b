"""Mail about a transition, sent by a child process: neither a slow server nor the size of smtplib is the speaker's."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from proxy.ha.loop import Loop


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail. `at` is seconds since the epoch."""

    server: str
    port: int
    helo: str
    timeout_s: float
    sender: str
    recipients: tuple[str, ...]
    subject: str
    body: str
    at: float


def send_in_child(loop: Loop, mail: Mail, ended: Callable[[int], None]) -> None:
    """Send a mail from a child; `ended` is told its wait status, 0 when it was sent."""
    try:
        pid = os.fork()
    except OSError:                     # no more processes here: the address matters more
        ended(1)
        return
    if pid == 0:
        status = 1
        try:
            _leave_parent()
            send(mail)
            status = 0
        except Exception:               # whatever it was, the parent says that the mail was not sent
            status = 1
        finally:
            os._exit(status)
    loop.watch_process(pid, ended)


def _leave_parent() -> None:
    """Give up what the parent's role brings: signals that are handled, descriptors that must end with the parent."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.set_wakeup_fd(-1)
    os.closerange(3, 65536)


def send(mail: Mail) -> None:
    """Send a mail.

    Raises: OSError, smtplib.SMTPException.
    """
    import smtplib
    from email.message import EmailMessage
    from email.utils import formatdate

    message = EmailMessage()
    message["Date"] = formatdate(mail.at, localtime=True)
    message["From"], message["To"], message["Subject"] = mail.sender, ", ".join(mail.recipients), mail.subject
    message["X-Mailer"] = "pyproxy-ha"
    message.set_content(mail.body)
    with smtplib.SMTP(mail.server, mail.port, local_hostname=mail.helo, timeout=mail.timeout_s) as server:
        server.send_message(message, mail.sender, list(mail.recipients))
