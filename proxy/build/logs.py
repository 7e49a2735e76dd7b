"""From `log` lines and formats to log plans."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from proxy.base.addresses import Address, Family
from proxy.base.log_format_text import HTTPLOG, HTTPSLOG, TCPLOG, parse_log_format
from proxy.base.syslog import FACILITY_NUMBERS, LEVEL_NUMBERS
from proxy.build.findings import Findings
from proxy.config.model import Global, LogTarget, ProxySection
from proxy.core.logformat import DEFAULT_HTTP, DEFAULT_TCP
from proxy.runtime.log_plan import LogDestination, LogPlan

PROGRAM = "haproxy"
_LOGURILEN_DEFAULT = 1024           # of which HAProxy logs one octet less, but of any value that is configured all

Resolve = Callable[[str, Family | None], Address | None]

_FAMILIES = {socket.AF_INET: Family.IPV4, socket.AF_INET6: Family.IPV6}


def resolve_name(host: str, only: Family | None = None) -> Address | None:
    """The first address of a host, as the machine's resolver gives it, of the family `only` if given; None when there is none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return None
    for number, _, _, _, sockaddr in found:
        family = _FAMILIES.get(number)
        if family is not None and only in (None, family):
            return Address(family, str(sockaddr[0]))
    return None


class LogPlanner:
    """Makes the plans of one configuration, so that equal ones are the same object and each name is resolved once.

    `program` is the name the process was started by: the tag of its lines where `log-tag` gives none. With
    `ignore_resolution` (-dr) a target whose name does not resolve is warned about and gets nothing; without it, it is a fault.
    """

    def __init__(self, settings: Global, findings: Findings, *, program: str = PROGRAM, ignore_resolution: bool = False,
                 resolve: Resolve = resolve_name, hostname: str | None = None) -> None:
        self._settings = settings
        self._program = program
        self._ignore_resolution = ignore_resolution
        self._findings = findings
        self._resolve = resolve
        self._hostname = socket.gethostname() if hostname is None else hostname
        self._addresses: dict[tuple[str, Family | None], Address | None] = {}
        self._plans: dict[LogPlan, LogPlan] = {}
        self._told: set[str] = set()            # a line of `global` is also one of every proxy with `log global`

    def for_process(self) -> LogPlan | None:
        """The plan of the process's own messages; None where no `log` line is in force."""
        return self._plan(self._settings.log_targets, self._base(""))

    def for_proxy(self, section: ProxySection) -> LogPlan | None:
        """The plan of a frontend's lines and a backend's events; None where no `log` line is in force.

        Raises: LogFormatError for a format that was not checked before.
        """
        http = section.mode == "http"
        text, is_default = self._format_text(section, http)
        error = section.error_log_format
        return self._plan(section.log_targets, self._base(section.log_tag)._replace(
            items=parse_log_format(text, http=http).items,
            error_items=None if error is None else parse_log_format(error, http=http).items,
            is_default=is_default,
        ))

    @staticmethod
    def _format_text(section: ProxySection, http: bool) -> tuple[str, bool]:
        if section.log_format is None:
            return DEFAULT_HTTP if http else DEFAULT_TCP, True
        if section.log_format_kind in ("httplog", "httpslog", "clf") and not http:
            return TCPLOG, False            # "Falling back to 'option tcplog'", as HAProxy says
        fixed = {"httplog": HTTPLOG, "httpslog": HTTPSLOG, "tcplog": TCPLOG}
        return fixed.get(section.log_format_kind, section.log_format), False

    def _base(self, tag: str) -> LogPlan:
        settings = self._settings
        sent = settings.log_send_hostname
        return LogPlan(
            destinations=(), tag=tag or settings.log_tag or self._program, hostname=self._hostname,
            sent_hostname=self._hostname if sent == "" else sent,
            logurilen=settings.http_logurilen - (settings.http_logurilen == _LOGURILEN_DEFAULT),
        )

    def _plan(self, targets: Sequence[LogTarget], base: LogPlan) -> LogPlan | None:
        if not targets:
            return None
        plan = base._replace(destinations=tuple(self._destination(target) for target in targets))
        return self._plans.setdefault(plan, plan)

    def _destination(self, target: LogTarget) -> LogDestination:
        return LogDestination(
            address=self._resolved(target), facility=FACILITY_NUMBERS[target.facility], level=LEVEL_NUMBERS[target.level],
            minlevel=LEVEL_NUMBERS[target.minlevel], length=target.length, format=target.format,
        )

    def _resolved(self, target: LogTarget) -> Address:
        address = target.address
        if address.family is not Family.NAME:
            return address
        key = (address.host, address.only)
        if key not in self._addresses:
            self._addresses[key] = self._resolve(*key)
        found = self._addresses[key]
        if found is not None:
            return found._replace(port=address.port, datagram=True)
        told = f"parsing [{target.where}] : log : invalid address: '{address.host}' in '{address}'"
        if told in self._told:
            return address
        self._told.add(told)
        if self._ignore_resolution:
            self._findings.warning(told, "the name does not resolve: lines to it are dropped")
        else:
            self._findings.fault(target.where, told,
                                 "the name does not resolve: correct it, or start with -dr to go without that target")
        return address
