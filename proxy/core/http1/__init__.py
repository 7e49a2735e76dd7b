"""HTTP/1 by octets: heads in, heads out, bodies framed (RFC 9112).

Two readers, one meaning: the fast one takes the plain heads that are nearly all traffic, h11 whatever it declines.
"""
