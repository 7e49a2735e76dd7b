"""`python -m proxy.ha`: the command `pyproxy-ha`."""

import sys

from proxy.ha.daemon.command import main

if __name__ == "__main__":
    sys.exit(main())
