"""Which way this kernel offers: IPVS, else nftables, else user space."""

from __future__ import annotations

from proxy.ha.conf.model import Configuration
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.virtual.planes.nft.library import open_nft
from proxy.ha.virtual.planes.nft.plane import NftPlane
from proxy.ha.virtual.planes.nft.reading import has_nf_tables
from proxy.ha.virtual.planes.plane import Plane, PlaneError


def choose(loop: Loop, log: Log, configuration: Configuration) -> Plane:
    """The way to carry connections here.

    Raises: PlaneError when there is none.
    """
    missing = has_nf_tables()
    nft = None if missing else open_nft()
    if nft is not None:
        return NftPlane(nft, log.say)
    raise PlaneError(missing or "neither libnftables nor nft is installed (Debian packages: libnftables1, nftables)")
