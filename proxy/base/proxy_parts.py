"""What a PROXY header to a server consists of: bits, since HAProxy's words add to each other and take away.

Any bit sends a header; without `V2` it is a line of text, which has no room for the rest.
"""

from __future__ import annotations

V1 = 1
V2 = 2
SSL = 4                     # whether the client spoke TLS, and how: here it did not
UNIQUE_ID = 8               # what `unique-id-format` makes
CRC32C = 16
SSL_CN = 32                 # whose certificate the client had: here none
AUTHORITY = 64              # the name the client asked for in TLS: here it asked for none
