"""Where a reader of a chunked body is (RFC 9112 §7.1)."""

SIZE_LINE = 0       # before a chunk's size line
CONTENT = 1         # inside a chunk
CONTENT_END = 2     # the CRLF after a chunk
TRAILER = 3         # reading trailer lines
DONE = 4
