"""From a configured check to attempts: how many steps it has, and an attempt at one of them."""

from __future__ import annotations

import socket
from dataclasses import replace

from proxy.ha.conf.services import (
    Check,
    CheckBasics,
    DnsCheck,
    FileCheck,
    HttpCheck,
    MiscCheck,
    PingCheck,
    RealServer,
    SmtpCheck,
    TcpCheck,
    TlsFiles,
    UdpCheck,
)
from proxy.ha.loop import Loop
from proxy.ha.speaker.spawn import Programs
from proxy.ha.virtual.probes.datagram import DnsProbe, PingProbe, UdpProbe
from proxy.ha.virtual.probes.probe import Done, Probe
from proxy.ha.virtual.probes.program import ProgramProbe
from proxy.ha.virtual.probes.smtp import SmtpProbe
from proxy.ha.virtual.probes.tcp import TcpProbe

SMTP_PORT, DNS_PORT = 25, 53

Attempted = TcpCheck | HttpCheck | SmtpCheck | DnsCheck | UdpCheck | PingCheck | MiscCheck


def attempted(check: Check) -> bool:
    """Whether a check is made of attempts; a FILE_CHECK follows its file instead."""
    return not isinstance(check, FileCheck)


def basics_of(check: Check) -> CheckBasics:
    """Its timing."""
    return CheckBasics(warmup_s=0.0) if isinstance(check, FileCheck) else check.basics


def steps_count(check: Check) -> int:
    """How many attempts a round has."""
    if isinstance(check, HttpCheck):
        return max(len(check.urls), 1)
    return max(len(check.hosts), 1) if isinstance(check, SmtpCheck) else 1


def make_probe(loop: Loop, programs: Programs, check: Check, step: int, server: RealServer, port: int, tls: TlsFiles,
               done: Done) -> Probe:
    """An attempt at one step of a check; `port` is where the server serves.

    Raises: LookupError for a check that is not made of attempts.
    """
    if isinstance(check, FileCheck):
        raise LookupError("FILE_CHECK")
    if isinstance(check, MiscCheck):
        return ProgramProbe(programs, check, server.weight, done)
    basics = check.basics
    address, port = basics.connect_ip or server.address, basics.connect_port or port
    match check:
        case TcpCheck():
            return TcpProbe(loop, basics, address, port, done)
        case HttpCheck():
            from proxy.ha.virtual.probes.http import HttpProbe  # hashlib and re, only where there is one

            return HttpProbe(loop, check, check.urls[step], address, port, tls, done)
        case SmtpCheck():
            if check.hosts:
                host = check.hosts[step]
                address, port = host.connect_ip or address, host.connect_port or port
                basics = replace(basics, bind_ip=host.bind_ip or basics.bind_ip, bind_port=host.bind_port or basics.bind_port)
            return SmtpProbe(loop, basics, address, port or SMTP_PORT, check.helo_name or socket.gethostname(), done)
        case DnsCheck():
            return DnsProbe(loop, check, address, port or DNS_PORT, done)
        case UdpCheck():
            return UdpProbe(loop, check, address, port, done)
        case PingCheck():
            return PingProbe(loop, basics, address, done)
