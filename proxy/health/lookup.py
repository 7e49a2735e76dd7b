"""One name, asked of the name servers of one section again and again. No socket and no clock: `now_ms` is passed in.

    resting --deadline--> asking: every name server is asked for one kind of address
    asking --an answer with addresses--> VALID
    asking --all have answered, none with addresses--> the other kind is asked for, once; then NX, REFUSED or OTHER
    asking --timeout retry--> asked again, as often as `resolve_retries` says; then TIMEOUT, or what some have answered
    an outcome --told--> resting, for `hold valid` or else for `timeout resolve`

Source: HAProxy configuration manual, section 5.3.2.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.health.dns_message import AAAA, NOERROR, NXDOMAIN, REFUSED, A, Answer, encoded, query
from proxy.runtime.resolver_plan import Outcome, ResolverPlan

# Of several name servers without addresses, the one that knows most is believed.
RANK = (Outcome.NX, Outcome.OTHER, Outcome.REFUSED)
OUTCOME_OF = {NXDOMAIN: Outcome.NX, REFUSED: Outcome.REFUSED}

Told = Callable[["Lookup", Outcome, tuple[str, ...], str], None]


class Lookup:
    """`send(octets)` sends a query to every name server; `told(self, outcome, addresses, name server)` gets what came of it.

    Raises: ValueError from the constructor for a host that is no name.
    """

    def __init__(
        self, plan: ResolverPlan, host: str, prefers_ipv4: bool, send: Callable[[bytes], None],
        randrange: Callable[[int], int], told: Told,
    ) -> None:
        self.plan = plan
        self.host = host
        self.deadline_ms = 0
        self._name = encoded(host)
        self._kinds = (A, AAAA) if prefers_ipv4 else (AAAA, A)
        self._send = send
        self._randrange = randrange
        self._told = told
        self._kind = self._kinds[0]
        self._number = -1               # of the query that is out
        self._tries = 0
        self._silent: set[int] = set()  # the name servers that have not answered it yet
        self._heard: set[Outcome] = set()

    def begin(self, now_ms: int) -> None:
        """Ask."""
        self._kind, self._tries = self._kinds[0], 0
        self._ask(now_ms)

    def handle_timer(self, now_ms: int) -> None:
        """The deadline has come."""
        if self._number < 0:
            self.begin(now_ms)
        elif self._heard:
            self._without_addresses(now_ms)
        elif self._tries < self.plan.tries:
            self._ask(now_ms)
        else:
            self._end(Outcome.TIMEOUT, (), "", now_ms)

    def heard(self, nameserver: int, answer: Answer, now_ms: int) -> None:
        """A name server has answered; what nobody waits for is dropped."""
        wanted = (self._number, self._name, self._kind)
        if (answer.number, answer.name, answer.kind) != wanted or nameserver not in self._silent:
            return
        self._silent.discard(nameserver)
        if answer.code == NOERROR and answer.addresses:
            self._end(Outcome.VALID, answer.addresses, self.plan.nameservers[nameserver].name, now_ms)
            return
        self._heard.add(OUTCOME_OF.get(answer.code, Outcome.OTHER))
        if not self._silent:
            self._without_addresses(now_ms)

    def _ask(self, now_ms: int) -> None:
        self._tries += 1
        self._number = self._randrange(1 << 16)
        self._silent = set(range(len(self.plan.nameservers)))
        self._heard = set()
        self.deadline_ms = now_ms + self.plan.timeout_retry_ms
        self._send(query(self._number, self._name, self._kind, self.plan.payload_octets))

    def _without_addresses(self, now_ms: int) -> None:
        if self._kind == self._kinds[0]:
            self._kind, self._tries = self._kinds[1], 0
            self._ask(now_ms)
        else:
            self._end(next(outcome for outcome in RANK if outcome in self._heard), (), "", now_ms)

    def _end(self, outcome: Outcome, addresses: tuple[str, ...], nameserver: str, now_ms: int) -> None:
        plan = self.plan
        self._number = -1
        self.deadline_ms = now_ms + (plan.hold_ms[outcome] if outcome is Outcome.VALID else plan.timeout_resolve_ms)
        self._told(self, outcome, addresses, nameserver)
