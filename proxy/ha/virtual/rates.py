"""How fast counters grow: one sample after the other, the older ones fading as in IPVS's own estimator. Pure."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from proxy.ha.virtual.plan import Traffic

SAMPLE_S = 2.0
_NEW_SHARE = 0.25


@dataclass(slots=True)
class Rates:
    """What happens each second."""

    connections: float = 0.0
    in_packets: float = 0.0
    out_packets: float = 0.0
    in_octets: float = 0.0
    out_octets: float = 0.0


class Estimator:
    """The rates of one server."""

    def __init__(self) -> None:
        self.rates = Rates()
        self._last: tuple[float, Rates] | None = None

    def sample(self, now: float, traffic: Traffic) -> None:
        """Take the counters at one time; counters that fall begin anew."""
        totals = Rates(traffic.connections, traffic.in_packets, traffic.out_packets, traffic.in_octets, traffic.out_octets)
        if self._last is not None and now > self._last[0]:
            seconds = now - self._last[0]
            # The usual sample counts a quarter; a late one counts as the several that it stands for.
            share = 1.0 - (1.0 - _NEW_SHARE) ** (seconds / SAMPLE_S)
            olds, befores = astuple(self.rates), astuple(self._last[1])
            self.rates = Rates(*(old + (max(0.0, new - before) / seconds - old) * share
                                 for old, new, before in zip(olds, astuple(totals), befores, strict=True)))
        self._last = (now, totals)
