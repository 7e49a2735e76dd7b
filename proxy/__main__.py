"""`python -m proxy` is the command `pyproxy`."""

import sys

from proxy.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
