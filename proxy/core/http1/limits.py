"""How much of a head is read before its sender is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a peer may send as a head, and the leniency an option may ask for.

    Units: octets, but for `fields` and `leading_lines` (counts). `start_line` and `head` include their CRLFs.
    Source: HAProxy configuration manual, "tune.bufsize" (head = bufsize - maxrewrite), "tune.http.maxhdr" (101, with the start
    line), "h1-accept-payload-with-any-method".
    """

    head: int = 16384 - 1024
    start_line: int = 16384 - 1024
    fields: int = 100
    leading_lines: int = 10
    payload_with_any_method: bool = False


DEFAULT_LIMITS = Limits()
