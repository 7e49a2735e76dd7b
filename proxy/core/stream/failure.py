"""What becomes of a stream when something goes wrong: one table.

Each row says what the client is answered (0 = nothing can be answered any more), the first two letters of the termination
state, whose fault it counts as, and whether `retry-on` may have the request sent again.

Source: HAProxy configuration manual, sections 8.5 "Session state at disconnection" and 4.2 "retry-on".
"""

from __future__ import annotations

from typing import NamedTuple

from proxy.runtime.cells import CLI_ABRT, ECON, EREQ, ERESP, SRV_ABRT

NOTHING = -1


class Failure(NamedTuple):
    """One row: `front_cell` is counted on the frontend, `back_cells` on the backend and the server; NOTHING = none.

    `retry` is the word of `retry-on` that allows another attempt, or empty.
    """

    status: int
    termination: bytes
    front_cell: int = NOTHING
    back_cells: tuple[int, ...] = ()
    retry: str = ""


BAD_REQUEST = Failure(400, b"PR", EREQ)
REQUEST_TIMEOUT = Failure(408, b"cR", EREQ)
REQUEST_ABORTED = Failure(400, b"CR", EREQ)
REQUEST_CUT = Failure(0, b"CR", EREQ, (CLI_ABRT,))
REQUEST_BODY_BAD = Failure(400, b"PH", EREQ)
REQUEST_BODY_ABORTED = Failure(0, b"CD", CLI_ABRT, (CLI_ABRT,))
REQUEST_BODY_TIMEOUT = Failure(408, b"cH", CLI_ABRT, (CLI_ABRT,))
NO_SERVER = Failure(503, b"SC", NOTHING, (ECON,))
QUEUE_TIMEOUT = Failure(503, b"sQ", NOTHING, (ECON,))
QUEUE_FULL = Failure(503, b"SQ", NOTHING, (ECON,))
QUEUE_ABORTED = Failure(0, b"CQ")
QUEUE_CUT = Failure(0, b"CQ", NOTHING, (CLI_ABRT,))
QUEUE_CLIENT_TIMEOUT = Failure(0, b"cQ", CLI_ABRT, (CLI_ABRT,))
CONNECT_REFUSED = Failure(503, b"SC", NOTHING, (ECON,), retry="conn-failure")
CONNECT_TIMEOUT = Failure(503, b"sC", NOTHING, (ECON,), retry="conn-failure")
CONNECT_ABORTED = Failure(0, b"CC")
CONNECT_CUT = Failure(0, b"CC", NOTHING, (CLI_ABRT,))
CONNECT_CLIENT_TIMEOUT = Failure(0, b"cC", CLI_ABRT, (CLI_ABRT,))
CONNECT_RESOURCES = Failure(500, b"RC", NOTHING, (ECON,))
RESPONSE_EMPTY = Failure(502, b"SH", NOTHING, (ERESP,), retry="empty-response")
RESPONSE_RESET = Failure(502, b"SH", NOTHING, (ERESP,), retry="empty-response")
RESPONSE_BAD = Failure(502, b"PH", NOTHING, (ERESP,), retry="junk-response")
RESPONSE_TIMEOUT = Failure(504, b"sH", NOTHING, (ERESP,), retry="response-timeout")
RESPONSE_ABORTED = Failure(400, b"CH", CLI_ABRT, (CLI_ABRT,))
DATA_REQUEST_BAD = Failure(0, b"PD", EREQ)
DATA_SERVER_ABORTED = Failure(0, b"SD", NOTHING, (ERESP, SRV_ABRT))
DATA_SERVER_BAD = Failure(0, b"SD", NOTHING, (ERESP,))
DATA_SERVER_TIMEOUT = Failure(0, b"sD", NOTHING, (SRV_ABRT,))
DATA_CLIENT_ABORTED = Failure(0, b"CD", CLI_ABRT, (CLI_ABRT,))
DATA_CLIENT_TIMEOUT = Failure(0, b"cD", CLI_ABRT, (CLI_ABRT,))

# Ends that come from outside the stream. The first letter says why; the rest depends on how far the stream came (`in_phase`).
SERVER_WENT_DOWN = Failure(503, b"DC", NOTHING, (ECON,))
ACTIVE_CAME_BACK = Failure(503, b"UC", NOTHING, (ECON,))
KILLED = Failure(503, b"KC", NOTHING, (ECON,))
INTERNAL = Failure(500, b"IC")

_LATER = {
    why: (
        why._replace(termination=why.termination[:1] + b"Q"),
        Failure(500 if why is INTERNAL else 502, why.termination[:1] + b"H", NOTHING, () if why is INTERNAL else (ERESP,)),
        Failure(0, why.termination[:1] + b"D", NOTHING, () if why is INTERNAL else (SRV_ABRT,)),
    )
    for why in (SERVER_WENT_DOWN, ACTIVE_CAME_BACK, KILLED, INTERNAL)
}


def in_phase(why: Failure, queued: bool, connected: bool, responded: bool) -> Failure:
    """The row of an end from outside, for a stream that came so far."""
    if why not in _LATER or not (queued or connected):
        return why
    in_queue, waiting, data = _LATER[why]
    return in_queue if queued else data if responded else waiting
