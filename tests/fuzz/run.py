"""python -m tests.fuzz.run TARGET ARGUMENT...: one target under atheris, which ends the process; arguments are libFuzzer's.

The sources are run and instrumented, not what was compiled: set PYPROXY_PURE=1.
"""

from __future__ import annotations

import sys
from typing import Any

import atheris


def main(name: str, arguments: list[str]) -> None:
    with atheris.instrument_imports(include=["proxy", "h11"]):
        from tests.fuzz.targets import target

        check = target(name).check

    def one(octets: bytes) -> Any:
        check(octets)

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
