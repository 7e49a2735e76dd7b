"""Who may see the statistics: HTTP Basic credentials against the users of `stats auth`.

Source: RFC 7617; HAProxy configuration manual, "stats auth" and "stats realm".
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence

DEFAULT_REALM = "HAProxy Statistics"
UNAUTHORIZED_BODY = (
    b"<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n"
)


class BasicUsers:
    """The users allowed; none configured means that everybody is."""

    __slots__ = ("_secrets", "challenge")

    def __init__(self, users: Sequence[tuple[str, str]], realm: str) -> None:
        self._secrets = tuple(f"{user}:{password}".encode("utf-8", "surrogateescape") for user, password in users)
        quoted = (realm or DEFAULT_REALM).replace("\\", "\\\\").replace('"', '\\"')
        self.challenge = f'Basic realm="{quoted}"'.encode("utf-8", "surrogateescape")

    def allows(self, authorization: bytes | None) -> bool:
        """Whether an Authorization field names one of the users.

        Every user is compared, each in the same time, so that the answer's delay tells nothing.
        """
        if not self._secrets:
            return True
        offered = basic_credentials(authorization)
        if offered is None:
            return False
        matches = 0
        for secret in self._secrets:
            matches |= hmac.compare_digest(offered, secret)
        return bool(matches)


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
