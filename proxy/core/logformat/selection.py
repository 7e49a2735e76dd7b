"""Which streams are logged, and how loudly."""

from __future__ import annotations

from proxy.base.syslog import ERR, INFO
from proxy.runtime.frontend import Frontend
from proxy.runtime.log import LogRecord

_NORMAL_ENDS = b"-L"


def is_anomalous(record: LogRecord) -> bool:
    """True for a stream that failed, timed out, was retried, redispatched, denied, or answered 5xx.

    Source: HAProxy configuration manual, "option log-separate-errors".
    """
    return (
        record.is_error or record.bad_request or record.redispatched or record.retries > 0
        or record.termination[0] not in _NORMAL_ENDS or 500 <= record.status <= 599
    )


def wanted(record: LogRecord, frontend: Frontend) -> int | None:
    """The syslog level to log a stream at, None when it is not to be logged.

    Source: HAProxy configuration manual, "option dontlognull" (no octet came from the client), "option dontlog-normal",
    "option log-separate-errors".
    """
    if frontend.dontlognull and not record.octets_in:
        return None
    if not (frontend.dontlog_normal or frontend.log_separate_errors):
        return INFO
    if is_anomalous(record):
        return ERR if frontend.log_separate_errors else INFO
    return None if frontend.dontlog_normal else INFO
