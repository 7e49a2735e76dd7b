"""Checks: when to probe a server, how, and what its answers do to its state.

    scheduler   when                     probe_tcp, probe_http, expect   octets in, verdict out, no I/O
    checks      the beat of each server  probe_io, readiness             non-blocking sockets over one epoll
    outcome     rise, fall, 404          observe                         errors seen in the traffic
    result      what is shown of it      resolution                      names without an address, asked for again
    state_field what a server is told of itself (send-state)

| probe | next | verdict |
|---|---|---|
| connecting | refused, timed out, no socket | L4CON, L4TOUT, SOCKERR |
| connecting | open, nothing to ask | L4OK |
| asking | reset, timed out, garbage, wrong status | SOCKERR, L7TOUT, L7RSP, L7STS |
| asking | as expected; 404 under disable-on-404 | L7OK; L7OKC |

An interval lies between the end of a check and the next, as in HAProxy. Many servers start in small bunches and stay in them; no
bunch is larger than the traffic would feel, also after a pause in which all have come due.

Invariants: at most one probe per server; no task per probe; states change through `runtime.transitions` only; nothing is resolved
or imported after the start (names are looked up beside the loop).
"""
