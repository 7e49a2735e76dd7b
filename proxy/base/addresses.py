"""Addresses as HAProxy writes them, once parsed."""

from enum import Enum
from typing import NamedTuple

MAX_ABSTRACT_NAME = 107         # octets: the size of a unix address without the NUL that says "abstract"


class Family(Enum):
    """What kind of socket an address stands for."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    UNIX = "unix"
    ABSTRACT = "abns"
    DESCRIPTOR = "fd"
    NAME = "name"


class Address(NamedTuple):
    """One socket address.

    `host` is a literal IP address, a host name still to be resolved (family NAME), a path (UNIX, ABSTRACT) or the
    descriptor number as text (DESCRIPTOR). `port` is 0 where it does not apply. `port_offset` is true for a server port
    written `+N` or `-N` or left out, which is added to the port the client connected to. `only` is the family a host name must
    resolve to where a prefix (`ipv4@`, `ipv6@`) says so. `datagram` is true where a prefix or the use (logs) asks for that type.
    Source: HAProxy configuration manual, section 11 "Address formats".
    """

    family: Family
    host: str
    port: int = 0
    port_offset: bool = False
    only: Family | None = None
    datagram: bool = False

    @property
    def socket_name(self) -> str:
        """What a unix socket is bound to: its path, or the abstract name, filled up with NULs as HAProxy's are.

        As seen of HAProxy 2.6: two of them, or one and one of these, meet under a name only so.
        """
        if self.family is not Family.ABSTRACT:
            return self.host
        return "\0" + self.host + "\0" * (MAX_ABSTRACT_NAME - len(self.host.encode("utf-8", "surrogateescape")))

    def __str__(self) -> str:
        if self.family is Family.UNIX:
            return f"unix@{self.host}"
        if self.family is Family.ABSTRACT:
            return f"abns@{self.host}"
        if self.family is Family.DESCRIPTOR:
            return f"fd@{self.host}"
        if self.family is Family.IPV6:
            return f"[{self.host}]:{self.port}"
        return f"{self.host}:{self.port}"
