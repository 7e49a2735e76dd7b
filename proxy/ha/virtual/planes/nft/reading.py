"""What the kernel has of our tables, read without nft: names, counters, flows; and NATed connections.

Source: linux/netfilter/nf_tables.h, nfnetlink_conntrack.h (the kernel's user-space interface).
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from collections.abc import Iterator

from proxy.ha.net.netlink import Netlink, NetlinkError, attribute, attributes
from proxy.ha.virtual.planes.nft.ruleset import Inventory

NETLINK_NETFILTER = 12
NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETSET, NFT_MSG_GETSETELEM, NFT_MSG_GETOBJ = 1, 4, 10, 13, 19
IPCTNL_MSG_CT_GET = 1
_NFNL_SUBSYS_CTNETLINK, _NFNL_SUBSYS_NFTABLES = 1, 10
FAMILIES = {"inet": 1, "ip": socket.AF_INET, "netdev": 5, "ip6": socket.AF_INET6}

NFTA_TABLE_NAME = NFTA_CHAIN_TABLE = NFTA_SET_TABLE = NFTA_OBJ_TABLE = NFTA_SET_ELEM_LIST_TABLE = 1
NFTA_CHAIN_NAME, NFTA_SET_NAME, NFTA_OBJ_NAME, NFTA_SET_ELEM_LIST_SET = 3, 2, 2, 2
NFTA_OBJ_TYPE, NFTA_OBJ_DATA, NFT_OBJECT_COUNTER = 3, 4, 1
NFTA_SET_FLAGS, NFT_SET_ANONYMOUS = 3, 1
NFTA_COUNTER_BYTES, NFTA_COUNTER_PACKETS = 1, 2
NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_LIST_ELEM, NFTA_SET_ELEM_DATA, NFTA_DATA_VALUE = 3, 1, 2, 1

CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_PROTOINFO = 1, 2, 3, 4
CTA_TUPLE_IP, CTA_TUPLE_PROTO = 1, 2
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED = 1, 1, 3
IPS_DST_NAT = 1 << 5

_GENERAL = struct.Struct("=BBH")
_ATTRIBUTE = struct.Struct("=HH")


def _text(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode("utf-8", "replace")


class Reading:
    """Questions about one machine's netfilter."""

    def __init__(self) -> None:
        self._netlink = Netlink(NETLINK_NETFILTER)

    def close(self) -> None:
        """Give the socket back."""
        self._netlink.close()

    def inventory(self, family: str, table: str) -> Inventory | None:
        """The names in a table; None when there is no such table.

        Raises: NetlinkError when the kernel has no nf_tables or does not permit it.
        """
        if table not in {_text(found.get(NFTA_TABLE_NAME, b"")) for found in self._dump(family, NFT_MSG_GETTABLE)}:
            return None
        sets = {_text(found[NFTA_SET_NAME]) for found in self._of(family, table, NFT_MSG_GETSET)
                if not int.from_bytes(found.get(NFTA_SET_FLAGS, b""), "big") & NFT_SET_ANONYMOUS}
        chains = {_text(found[NFTA_CHAIN_NAME]) for found in self._of(family, table, NFT_MSG_GETCHAIN)}
        return Inventory(chains, sets, set(self.counters(family, table)))

    def counters(self, family: str, table: str) -> dict[str, tuple[int, int]]:
        """Packets and octets of each counter of a table."""
        found: dict[str, tuple[int, int]] = {}
        for each in self._of(family, table, NFT_MSG_GETOBJ):
            if int.from_bytes(each.get(NFTA_OBJ_TYPE, b""), "big") == NFT_OBJECT_COUNTER:
                inside = attributes(each.get(NFTA_OBJ_DATA, b""))
                found[_text(each[NFTA_OBJ_NAME])] = (int.from_bytes(inside.get(NFTA_COUNTER_PACKETS, b""), "big"),
                                                     int.from_bytes(inside.get(NFTA_COUNTER_BYTES, b""), "big"))
        return found

    def marks(self, family: str, table: str, name: str) -> Counter[int]:
        """How often each mark stands in a map of flows."""
        body = self._general(family) + attribute(NFTA_SET_ELEM_LIST_TABLE, table.encode("utf-8", "surrogateescape") + b"\0") \
            + attribute(NFTA_SET_ELEM_LIST_SET, name.encode("utf-8", "surrogateescape") + b"\0")
        found: Counter[int] = Counter()
        for _, content in self._netlink.dump(_NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM, body):
            for element in _each(attributes(content, 4).get(NFTA_SET_ELEM_LIST_ELEMENTS, b"")):
                value = attributes(attributes(element).get(NFTA_SET_ELEM_DATA, b"")).get(NFTA_DATA_VALUE, b"")
                # A mark is in the order of the machine, whatever surrounds it.
                if len(value) == 4:
                    found[struct.unpack("=I", value)[0]] += 1
        return found

    def nat_connections(self, family: str) -> Counter[tuple[int, bytes, int, bytes, int, bool]]:
        """Connections whose destination was changed: protocol, asked address and port, answering ones, whether established."""
        found: Counter[tuple[int, bytes, int, bytes, int, bool]] = Counter()
        for _, content in self._netlink.dump(_NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, self._general(family)):
            each = attributes(content, 4)
            if not int.from_bytes(each.get(CTA_STATUS, b""), "big") & IPS_DST_NAT:
                continue
            protocol, _, _, asked, asked_port = _tuple(each.get(CTA_TUPLE_ORIG, b""))
            _, answering, answering_port, _, _ = _tuple(each.get(CTA_TUPLE_REPLY, b""))
            state = attributes(attributes(each.get(CTA_PROTOINFO, b"")).get(CTA_PROTOINFO_TCP, b"")).get(CTA_PROTOINFO_TCP_STATE)
            active = state is None or state[0] == TCP_CONNTRACK_ESTABLISHED
            found[protocol, asked, asked_port, answering, answering_port, active] += 1
        return found

    def _of(self, family: str, table: str, kind: int) -> list[dict[int, bytes]]:
        wanted = attribute(NFTA_CHAIN_TABLE, table.encode("utf-8", "surrogateescape") + b"\0")
        return [found for found in self._dump(family, kind, wanted) if _text(found.get(NFTA_CHAIN_TABLE, b"")) == table]

    def _dump(self, family: str, kind: int, wanted: bytes = b"") -> list[dict[int, bytes]]:
        answers = self._netlink.dump(_NFNL_SUBSYS_NFTABLES << 8 | kind, self._general(family) + wanted)
        return [attributes(content, 4) for _, content in answers]

    @staticmethod
    def _general(family: str) -> bytes:
        return _GENERAL.pack(FAMILIES[family], 0, 0)


def _each(octets: bytes) -> Iterator[bytes]:
    """The elements of a list, in which all attributes are of one kind."""
    start = 0
    while start + 4 <= len(octets):
        length, _ = _ATTRIBUTE.unpack_from(octets, start)
        if length < 4:
            return
        yield octets[start + 4 : start + length]
        start += (length + 3) & ~3


def _tuple(octets: bytes) -> tuple[int, bytes, int, bytes, int]:
    """Protocol, source, its port, destination, its port."""
    found = attributes(octets)
    addresses, protocol = attributes(found.get(CTA_TUPLE_IP, b"")), attributes(found.get(CTA_TUPLE_PROTO, b""))
    source = addresses.get(1) or addresses.get(3) or b""
    destination = addresses.get(2) or addresses.get(4) or b""
    return (int.from_bytes(protocol.get(CTA_PROTO_NUM, b""), "big"), source,
            int.from_bytes(protocol.get(CTA_PROTO_SRC_PORT, b""), "big"), destination,
            int.from_bytes(protocol.get(CTA_PROTO_DST_PORT, b""), "big"))


def has_nf_tables() -> str:
    """Why this kernel cannot be asked for nftables; "" when it can."""
    try:
        reading = Reading()
    except OSError as error:
        return f"the kernel has no netfilter netlink: {error.strerror}"
    try:
        reading.inventory("ip", "")
        return ""
    except (NetlinkError, OSError) as error:
        return f"the kernel has no nf_tables: {error}"
    finally:
        reading.close()
