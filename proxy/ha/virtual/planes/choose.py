"""Which way this kernel offers: IPVS, nftables, else user space. PYPROXY_VIRTUAL (ipvs, nftables, userspace) asks for one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.virtual.planes.plane import Plane, PlaneError

if TYPE_CHECKING:
    from proxy.ha.virtual.planes.nft.library import Nft


WISH = "PYPROXY_VIRTUAL"


def choose(loop: Loop, log: Log) -> Plane:
    """The way to carry connections here; why it is not a better one is logged. Only what is chosen, and tried, is imported.

    Raises: PlaneError when the one that is asked for is not there.
    """
    wish = os.environ.get(WISH, "")
    if wish not in ("", "ipvs", "nftables", "userspace"):
        raise PlaneError(f"{WISH}={wish}: there are ipvs, nftables and userspace")
    no_ipvs = no_nft = f"{WISH}={wish}"
    if wish in ("", "ipvs"):
        from proxy.ha.virtual.planes.ipvs.kernel import IpvsKernel
        from proxy.ha.virtual.planes.ipvs.plane import IpvsPlane

        try:
            return IpvsPlane(IpvsKernel())
        except LookupError as error:
            no_ipvs = str(error)
    if wish in ("", "nftables"):
        from proxy.ha.virtual.planes.nft.library import open_nft
        from proxy.ha.virtual.planes.nft.plane import NftPlane

        nft = open_nft()
        no_nft = _why_not(nft)
        if nft is not None and not no_nft:
            log.detail(f"virtual servers: {no_ipvs}")
            return NftPlane(nft, log.say)
    if wish in ("ipvs", "nftables"):
        raise PlaneError(no_ipvs if wish == "ipvs" else no_nft)
    from proxy.ha.virtual.planes.userspace import UserspacePlane

    log.say("warning", f"virtual servers: {no_ipvs}; {no_nft}: those of lb_kind NAT and protocol TCP are served in user space, "
                       f"the others are not (the real servers then see this machine's address, not the clients')")
    return UserspacePlane(loop, log)


def _why_not(nft: Nft | None) -> str:
    from proxy.ha.virtual.planes.nft.reading import has_nf_tables
    from proxy.ha.virtual.planes.nft.rehearsal import rehearse

    missing = has_nf_tables()
    if missing:
        return missing
    if nft is None:
        return "neither libnftables nor nft is installed (Debian packages: libnftables1, nftables)"
    return rehearse(nft)
