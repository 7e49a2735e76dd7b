"""Choosing a server: one algorithm per file behind one contract, and the farm that says among whom.

    backend.servers --Farm.changed()--> usable active servers, or backups --rebuild()--> Balancer --pick()--> Server | None

Everything is decided on counters of the servers and on one number, the turn; there is no clock and no I/O. Where there are
workers, counters are those of all of them together and the turn is one for all (`runtime.turn`). Mapping of keys to
servers, order of turns and rounding are HAProxy's, observed on a running one (2.6), so that machines may be migrated one by
one. An algorithm is a row of `ALGORITHMS`.
Source: HAProxy configuration manual, "balance", "hash-type", "hash-balance-factor".
"""

from collections.abc import Callable
from typing import NamedTuple

from proxy.core.balance.consistent import Ring
from proxy.core.balance.contract import Balancer
from proxy.core.balance.farm import Farm
from proxy.core.balance.first import First
from proxy.core.balance.hashed import Placement
from proxy.core.balance.hashing import HASH_FUNCTIONS, Hash, address_number, avalanche
from proxy.core.balance.hdr import Header
from proxy.core.balance.leastconn import LeastConn
from proxy.core.balance.map_based import MapBased
from proxy.core.balance.random_draws import Random, RandomDraws
from proxy.core.balance.roundrobin import RoundRobin
from proxy.core.balance.source import Source
from proxy.core.balance.static_rr import StaticRoundRobin
from proxy.core.balance.uri import Uri
from proxy.core.balance.url_param import UrlParam
from proxy.runtime.turn import Turn

__all__ = ["ALGORITHMS", "Balancer", "Farm", "make_balancer"]

DEFAULT_DRAWS = 2


class _Wish(NamedTuple):
    """The arguments of `make_balancer`."""

    argument: str
    uri_len: int
    uri_depth: int
    uri_whole: bool
    uri_path_only: bool
    check_post: bool
    hdr_use_domain_only: bool
    hash_type: str
    hash_function: str
    hash_modifier: str
    hash_balance_factor: int
    random: Random
    turn: Turn

    def placement(self) -> Placement:
        if self.hash_type == "consistent":
            return Ring(self.hash_balance_factor, self.turn)
        if self.hash_type == "map-based":
            return MapBased(self.turn)
        raise ValueError(f"unknown hash type '{self.hash_type}'")

    def mixes(self) -> bool:
        """Consistent hashing without a function named means sdbm with avalanche."""
        return bool(self.hash_modifier) or (self.hash_type == "consistent" and not self.hash_function)

    def hash_octets(self) -> Hash:
        plain = HASH_FUNCTIONS.get(self.hash_function or "sdbm")
        if plain is None:
            raise ValueError(f"unknown hash function '{self.hash_function}'")
        return _mixed(plain) if self.mixes() else plain

    def hash_address(self) -> Hash:
        self.hash_octets()
        return _mixed(address_number) if self.mixes() else address_number


def _mixed(plain: Hash) -> Hash:
    return lambda octets: avalanche(plain(octets))


def _random(wish: _Wish) -> Balancer:
    return RandomDraws(wish.random, int(wish.argument) if wish.argument else DEFAULT_DRAWS, wish.hash_balance_factor)


def _uri(wish: _Wish) -> Balancer:
    return Uri(
        wish.placement(), wish.hash_octets(), length=wish.uri_len, depth=wish.uri_depth, whole=wish.uri_whole,
        path_only=wish.uri_path_only,
    )


ALGORITHMS: dict[str, Callable[[_Wish], Balancer]] = {
    "roundrobin": lambda wish: RoundRobin(wish.turn),
    "static-rr": lambda wish: StaticRoundRobin(wish.turn),
    "leastconn": lambda wish: LeastConn(),
    "first": lambda wish: First(),
    "random": lambda wish: _random(wish),
    "source": lambda wish: Source(wish.placement(), wish.hash_address()),
    "uri": _uri,
    "url_param": lambda wish: UrlParam(wish.placement(), wish.hash_octets(), wish.argument, wish.check_post),
    "hdr": lambda wish: Header(wish.placement(), wish.hash_octets(), wish.argument, domain_only=wish.hdr_use_domain_only),
}


def make_balancer(
    algorithm: str,
    *,
    argument: str = "",
    uri_len: int = 0,
    uri_depth: int = 0,
    uri_whole: bool = False,
    uri_path_only: bool = False,
    check_post: bool = False,
    hdr_use_domain_only: bool = False,
    hash_type: str = "map-based",
    hash_function: str = "",
    hash_modifier: str = "",
    hash_balance_factor: int = 0,
    random: Random,
    turn: Turn | None = None,
) -> Balancer:
    """The balancer of a `balance` line and its `hash-type`; names are those of `BalanceSettings`.

    `turn` counts turns, one of its own when None.
    Raises: ValueError for an algorithm, hash type or hash function that is not there.
    """
    make = ALGORITHMS.get(algorithm)
    if make is None:
        raise ValueError(f"unknown balance algorithm '{algorithm}'")
    return make(_Wish(
        argument, uri_len, uri_depth, uri_whole, uri_path_only, check_post, hdr_use_domain_only, hash_type, hash_function,
        hash_modifier, hash_balance_factor, random, Turn() if turn is None else turn,
    ))
