"""The decisions, without sockets, clocks or randomness of their own: HTTP/1, streams, balancing, queues, pools, cookies, logs.

Time (`now_ms`) and randomness are passed in. What leaves is written from what was parsed, never copied through.
"""
