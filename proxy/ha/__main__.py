"""The command `pyproxy-ha`, also `python -m proxy.ha`."""

import gc
import sys

# A start makes thousands of objects that stay: looking for garbage among them is a tenth of its time. `Parent` and the children
# go on with the collector once they have what they need.
gc.disable()


def main() -> int:
    """Run the command line and return the exit status."""
    from proxy.ha.daemon.command import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
