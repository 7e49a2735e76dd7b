"""How much of a head is read before its sender is refused."""

from __future__ import annotations


class Limits:
    """Bounds on what a peer may send as a head, and the leniency an option may ask for.

    Units: octets, but for `fields` and `leading_lines` (counts). `start_line` and `head` include their CRLFs.
    Source: HAProxy configuration manual, "tune.bufsize" (head = bufsize - maxrewrite), "tune.http.maxhdr" (101, with the start
    line), "h1-accept-payload-with-any-method".
    """

    __slots__ = ("fields", "head", "leading_lines", "payload_with_any_method", "start_line")

    def __init__(
        self, head: int = 16384 - 1024, start_line: int = 16384 - 1024, fields: int = 100, leading_lines: int = 10,
        payload_with_any_method: bool = False,
    ) -> None:
        self.head = head
        self.start_line = start_line
        self.fields = fields
        self.leading_lines = leading_lines
        self.payload_with_any_method = payload_with_any_method


DEFAULT_LIMITS = Limits()
