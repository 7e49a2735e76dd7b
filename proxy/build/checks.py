"""The check plan of a server, from its line and its section.

Source: HAProxy configuration manual, "option httpchk", "http-check send", "http-check expect", "check-send-proxy"; octets of
requests as recorded from HAProxy 2.6.
"""

from __future__ import annotations

import re
from typing import Any

from proxy.base.octets import octets_of
from proxy.base.proxy_parts import V1
from proxy.build.findings import Findings
from proxy.build.resolving import required
from proxy.config.model import CheckRule, ProxySection, ServerLine, ServiceCheck
from proxy.runtime.check_plan import CheckPlan, ConnectStep, ExpectStep, SendStep, ServicePlan, Step
from proxy.runtime.server import Server

_WITHOUT_STEP = frozenset({"disable-on-404", "send-state"})
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})


def check_plan(section: ProxySection, line: ServerLine, server: Server, findings: Findings) -> CheckPlan | None:
    """How the server is checked; None when it is not, or follows another. `findings` gets a name that does not resolve."""
    if not line.check or line.track:
        return None
    family, sockaddr = _own_address(line, server, findings)
    timeouts, kinds = section.timeouts, {rule.kind for rule in section.check_rules}
    return CheckPlan(
        inter_ms=line.inter_ms, fastinter_ms=line.fastinter_ms, downinter_ms=line.downinter_ms,
        connect_timeout_ms=timeouts.connect or 0, timeout_ms=timeouts.check or 0,
        family=family, sockaddr=sockaddr, port=line.check_port, send_proxy=_proxy_parts(line),
        steps=tuple(_step(rule, line, "send-state" in kinds) for rule in section.check_rules if rule.kind not in _WITHOUT_STEP),
        service=service_plan(section.check_service),
        disable_on_404="disable-on-404" in kinds,
        log_health_checks="log-health-checks" in section.options,
    )


def _own_address(line: ServerLine, server: Server, findings: Findings) -> tuple[int, Any]:
    """The check's own address when it has one. A name is looked up once, at the start: checks never wait for a resolver."""
    address = line.check_address
    if address is None:
        return 0, None
    return required(address._replace(port=address.port or line.address.port), line, server.backend.name, "'addr'", findings)


def service_plan(check: ServiceCheck | None) -> ServicePlan | None:
    """A talk in a service's own protocol, its words as octets."""
    if check is None:
        return None
    user, hello = (octets_of(text) for text in (check.user, check.hello))
    return ServicePlan(check.kind, user, check.before_41, hello)


def _proxy_parts(line: ServerLine) -> int:
    """The PROXY header of a check: the server's own, but to an address or port of the check's own only where asked for."""
    said = None if line.check_connect is None else _said_of_proxy(line.check_connect, line)
    if said is not None:
        return said
    own = line.check_address is not None or line.check_port is not None
    if line.check_send_proxy:
        return line.send_proxy or V1
    return 0 if own else line.send_proxy


def _said_of_proxy(rule: CheckRule, line: ServerLine) -> int | None:
    """What a `connect` step says of the PROXY header; None where it leaves that to the server's line."""
    if rule.send_proxy:
        return line.send_proxy or V1
    return None if rule.default else 0


def _step(rule: CheckRule, line: ServerLine, send_state: bool) -> Step:
    if rule.kind == "connect":
        return ConnectStep(rule.port, _said_of_proxy(rule, line))
    if rule.kind == "send":
        return request_step(rule, send_state)
    return expectation(rule)


def request_step(rule: CheckRule, send_state: bool = False) -> SendStep:
    """The request of a check as it goes out: names in lower case, framing that is ours, behind the server's state if any."""
    fields = [(name.lower(), value) for name, value in rule.fields]
    lines = [f"{rule.method} {rule.uri} {rule.version}"]
    lines += [f"{name}: {value}" for name, value in fields if name not in _FRAMING]
    body = octets_of(rule.body)
    framing = [f"content-length: {len(body)}"] if body else []
    if rule.version != "HTTP/1.0" and not any(name == "connection" for name, _ in fields):
        framing.append("connection: close")
    head, tail = (octets_of("".join(f"{line}\r\n" for line in part)) for part in (lines, framing))
    return SendStep(head + tail + b"\r\n" + body, octets_of(rule.method), len(head) if send_state else 0)


def expectation(rule: CheckRule) -> ExpectStep:
    """What the answer must be like, patterns compiled."""
    pattern = octets_of(rule.pattern)
    of_status = rule.what in ("status", "rstatus")
    return ExpectStep(
        statuses=_statuses(rule.pattern) if rule.what == "status" else None,
        status_pattern=re.compile(pattern) if rule.what == "rstatus" else None,
        content=pattern if rule.what == "string" else None,
        content_pattern=re.compile(pattern) if rule.what == "rstring" else None,
        negated=rule.negated, min_recv=rule.min_recv, ok_status=rule.ok_status,
        error_status=rule.error_status or ("L7STS" if of_status else "L7RSP"), timeout_status=rule.timeout_status,
        on_success=rule.on_success, on_error=rule.on_error, comment=rule.comment,
    )


def _statuses(text: str) -> tuple[tuple[int, int], ...]:
    """Ranges of a list such as "200-299,302"."""
    ranges = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        ranges.append((int(first), int(last or first)))
    return tuple(ranges)
