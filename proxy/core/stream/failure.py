"""What becomes of a stream when something goes wrong: one table.

Each row says what the client is answered (0 = nothing can be answered any more), the first two letters of the termination
state, whose fault it counts as, and whether `retry-on` may have the request sent again.

Source: HAProxy configuration manual, sections 8.5 "Session state at disconnection" and 4.2 "retry-on".
"""

from __future__ import annotations

from typing import NamedTuple

from proxy.runtime.cells import CLI_ABRT, DREQ, ECON, EREQ, ERESP, SRV_ABRT

NOTHING = -1


class Failure(NamedTuple):
    """One row: `front_cell` is counted on the frontend, `back_cell` on the backend and the server; NOTHING = none.

    `retry` is the word of `retry-on` that allows another attempt, or empty.
    """

    status: int
    termination: bytes
    front_cell: int = NOTHING
    back_cell: int = NOTHING
    retry: str = ""


BAD_REQUEST = Failure(400, b"PR", EREQ)
REQUEST_TIMEOUT = Failure(408, b"cR", EREQ)
REQUEST_ABORTED = Failure(400, b"CR", EREQ)
DENIED = Failure(403, b"PR", DREQ)
REQUEST_BODY_BAD = Failure(400, b"PD", EREQ)
REQUEST_BODY_ABORTED = Failure(400, b"CD", CLI_ABRT, CLI_ABRT)
REQUEST_BODY_TIMEOUT = Failure(408, b"cD", CLI_ABRT, CLI_ABRT)
NO_SERVER = Failure(503, b"SC", back_cell=ECON)
QUEUE_TIMEOUT = Failure(503, b"sQ", back_cell=ECON)
QUEUE_FULL = Failure(503, b"SQ", back_cell=ECON)
QUEUE_ABORTED = Failure(503, b"CQ", CLI_ABRT, CLI_ABRT)
CONNECT_REFUSED = Failure(503, b"SC", back_cell=ECON, retry="conn-failure")
CONNECT_TIMEOUT = Failure(503, b"sC", back_cell=ECON, retry="conn-failure")
CONNECT_ABORTED = Failure(503, b"CC", CLI_ABRT, CLI_ABRT)
CONNECT_RESOURCES = Failure(500, b"RC", back_cell=ECON)
RESPONSE_EMPTY = Failure(502, b"SH", back_cell=ERESP, retry="empty-response")
RESPONSE_BAD = Failure(502, b"PH", back_cell=ERESP, retry="junk-response")
RESPONSE_TIMEOUT = Failure(504, b"sH", back_cell=ERESP, retry="response-timeout")
RESPONSE_ABORTED = Failure(0, b"CH", CLI_ABRT, CLI_ABRT)
RESPONSE_CLIENT_TIMEOUT = Failure(408, b"cH", CLI_ABRT, CLI_ABRT)
DATA_SERVER_ABORTED = Failure(0, b"SD", back_cell=SRV_ABRT)
DATA_SERVER_BAD = Failure(0, b"PD", back_cell=ERESP)
DATA_SERVER_TIMEOUT = Failure(0, b"sD", back_cell=SRV_ABRT)
DATA_CLIENT_ABORTED = Failure(0, b"CD", CLI_ABRT, CLI_ABRT)
DATA_CLIENT_TIMEOUT = Failure(0, b"cD", CLI_ABRT, CLI_ABRT)
SERVER_WENT_DOWN = Failure(503, b"DC", back_cell=SRV_ABRT)
SERVER_WENT_DOWN_DATA = Failure(0, b"DD", back_cell=SRV_ABRT)
ACTIVE_CAME_BACK = Failure(0, b"UD", back_cell=SRV_ABRT)
KILLED = Failure(0, b"KD")
INTERNAL = Failure(500, b"IH")
INTERNAL_DATA = Failure(0, b"ID")
