"""The rows of the table of faults, by number: what a test of this folder says it is about (`@pytest.mark.fault(number)`)."""

from __future__ import annotations

ROWS = {
    1: "server dies inside a response or an upload",
    2: "connect refused, no other server",
    3: "refused with redispatch; a flapping server with checks",
    4: "black hole (SYN never answered)",
    5: "slow-header clients, timeout http-request 3s",
    6: "clients that never read, servers that never read",
    7: "9,500 keep-alive connections",
    8: "USR1 with 40 requests in flight",
    9: "reloads under load (-sf, -x, -W)",
    10: "reload with a broken configuration",
    11: "256 descriptors, 600 connections",
    12: "a worker killed under load",
    13: "the master killed",
    14: "disk full, log socket gone, syslog blocking",
    15: "clock stepped an hour back and forward",
    16: "DNS down at start and later",
}
