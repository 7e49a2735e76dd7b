"""Who may see the statistics: HTTP Basic credentials against the users of `stats auth`.

Source: RFC 7617; HAProxy configuration manual, "stats auth" and "stats realm".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence

KEY_OCTETS = 32
DEFAULT_REALM = "HAProxy Statistics"
UNAUTHORIZED_BODY = (
    b"<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n"
)


class BasicUsers:
    """The users allowed; none configured means that everybody is."""

    __slots__ = ("_digests", "_key", "challenge")

    def __init__(self, users: Sequence[tuple[str, str]], realm: str) -> None:
        self._key = os.urandom(KEY_OCTETS)
        self._digests = tuple(
            self._digest(f"{user}:{password}".encode("utf-8", "surrogateescape")) for user, password in users)
        quoted = (realm or DEFAULT_REALM).replace("\\", "\\\\").replace('"', '\\"')
        self.challenge = f'Basic realm="{quoted}"'.encode("utf-8", "surrogateescape")

    def allows(self, authorization: bytes | None) -> bool:
        """Whether an Authorization field names one of the users.

        Every user is compared, and digests under a key that nobody knows are what is compared: the answer's delay depends on what
        is offered alone, and tells neither a name nor a password, nor how long they are.
        """
        if not self._digests:
            return True
        offered = basic_credentials(authorization)
        if offered is None:
            return False
        digest, matches = self._digest(offered), 0
        for each in self._digests:
            matches |= hmac.compare_digest(digest, each)
        return bool(matches)

    def _digest(self, credentials: bytes) -> bytes:
        return hmac.digest(self._key, credentials, hashlib.sha256)


def basic_credentials(authorization: bytes | None) -> bytes | None:
    """The "user:password" of a Basic Authorization field; None when there is none that can be read."""
    if authorization is None:
        return None
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(encoded.strip(b" "), validate=True)
    except (binascii.Error, ValueError):
        return None
