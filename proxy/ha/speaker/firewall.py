"""`no_accept`: packets to the virtual addresses are not for this machine. One nftables table of our own, there while we run.

The rules name the addresses whether they are held or not: an address that is not there receives nothing anyway.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from proxy.ha.log import Log

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
TIMEOUT_S = 10.0


def rules(table: str, addresses: Iterable[IPv4Address | IPv6Address], counters: bool = False) -> str:
    """The table as nft(8) reads it; it replaces one that is there. `counters` count what is dropped."""
    drop = "counter drop" if counters else "drop"
    four = [str(each) for each in addresses if each.version == 4]
    six = [str(each) for each in addresses if each.version == 6]
    lines = [f"table inet {table}", f"delete table inet {table}", f"table inet {table} {{", "  chain no_accept {",
             "    type filter hook input priority -1; policy accept;"]
    if four:
        lines.append(f"    ip daddr {{ {', '.join(four)} }} {drop}")
    if six:
        # Neighbours must still find out where it is.
        lines.append(f"    ip6 daddr {{ {', '.join(six)} }} icmpv6 type != {{ nd-neighbor-solicit, nd-neighbor-advert }} {drop}")
        lines.append(f"    ip6 daddr {{ {', '.join(six)} }} meta l4proto != icmpv6 {drop}")
    return "\n".join([*lines, "  }", "}", ""])


class Firewall:
    """Applies the rules; without nft it says that the addresses will answer."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._table = ""

    def apply(self, table: str, addresses: Iterable[IPv4Address | IPv6Address], counters: bool = False) -> None:
        """Drop what is sent to these addresses, and only these."""
        wanted = sorted(set(addresses), key=lambda each: (each.version, int(each)))
        if not wanted:
            self.remove()
            return
        if self._table and self._table != table:
            self.remove()
        if self._nft(rules(table, wanted, counters)):
            self._table = table

    def remove(self) -> None:
        """Take the table away, where there is one of ours."""
        if self._table:
            self._nft(f"delete table inet {self._table}\n")
            self._table = ""

    def _nft(self, text: str) -> bool:
        program = shutil.which("nft", path=PATH)
        if program is None:
            self._log.say("err", "no_accept needs nft (package nftables): the virtual addresses will answer")
            return False
        try:
            done = subprocess.run([program, "-f", "-"], input=text.encode(), capture_output=True, check=False, timeout=TIMEOUT_S)
        except (OSError, subprocess.SubprocessError) as error:
            self._log.say("err", f"cannot run {program}: {error}: the virtual addresses will answer")
            return False
        if done.returncode:
            why = (done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit status {done.returncode}"])[0]
            self._log.say("err", f"nft: {why}: the virtual addresses will answer")
        return not done.returncode
