"""The only bridge from the configuration's model to the objects that run.

`build` makes a Process: frontends and backends in the order of the file, numbered as HAProxy numbers them, servers in their
first state, rows on the board, balancers, cookies, checks planned. It opens nothing but the resolver.
"""

from proxy.build.process import build

__all__ = ["build"]
