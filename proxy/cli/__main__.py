"""The command `pyproxy`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from proxy import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    print(f"HAProxy version {__version__}", file=sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
