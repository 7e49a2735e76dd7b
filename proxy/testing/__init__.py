"""The load balancer inside another program or a test: `proxy.Proxy` on its own thread, `proxy.AsyncProxy` on the caller's loop.

Both take a configuration as text, path or open file, may bind port 0, are serving when `start` returns, and leave nothing
behind: no signal handler, no thread, no socket, no change to the process. What a configuration says about a process of its own
(daemon, chroot, user, group, pidfile, ulimit-n) is left out.
"""

from proxy.testing.async_proxy import AsyncProxy
from proxy.testing.proxy import Proxy
from proxy.testing.views import ServerView

__all__ = ["AsyncProxy", "Proxy", "ServerView"]
