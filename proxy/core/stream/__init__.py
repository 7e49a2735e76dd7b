"""A stream's life: who gets the request, what is sent on, what becomes of every failure.

Sessions, streams and connections know each other's types. Compiled, such a circle loads from one end only: this one.
"""

from proxy.core.stream import http_session as http_session
