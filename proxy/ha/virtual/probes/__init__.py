"""Checkers: one attempt each, which says whether a real server is well and why.

    probe     the base of those with a socket          tcp   TCP_CHECK        http      HTTP_GET, SSL_GET
    smtp      SMTP_CHECK                               datagram  DNS_CHECK, UDP_CHECK, PING_CHECK
    program   MISC_CHECK                               make  a configured check → attempts

A new kind of checker is one file, and one case in `make`.
"""
