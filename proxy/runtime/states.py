"""The two states of a server: what checks say of it, and what the administrator wants of it.

              checks                                  administrator
   STOPPED --(rise)--> STARTING --(slowstart)--> RUNNING       READY
      ^                   |                        |  ^         FDRAIN  keeps only pinned clients
      +------(fall)-------+------------------------+  |         FMAINT  gets nothing, is not checked
   STOPPING (404 with disable-on-404) <-------------- +         IMAINT, IDRAIN  inherited by `track`
                                                                RMAINT  its name does not resolve
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Operational(IntEnum):
    """`srv_op_state` of "show servers state"."""

    STOPPED = 0
    STARTING = 1
    RUNNING = 2
    STOPPING = 3


class Admin(IntFlag):
    """`srv_admin_state` of "show servers state"."""

    READY = 0
    FMAINT = 1
    IMAINT = 2
    CMAINT = 4
    FDRAIN = 8
    IDRAIN = 16
    RMAINT = 32
    HMAINT = 64


# CMAINT only remembers that the configuration said "disabled", HMAINT that the host name came from the administrator: neither
# holds a server in maintenance.
MAINT = Admin.FMAINT | Admin.IMAINT | Admin.RMAINT
DRAIN = Admin.FDRAIN | Admin.IDRAIN
