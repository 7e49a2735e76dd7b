"""What pyproject.toml cannot say: two top-level folders travel inside the package, and the data plane is compiled.

PYPROXY_PURE=1 compiles nothing; PYPROXY_REQUIRE_COMPILED=1 makes a failed compilation an error. With neither, a machine without a
compiler gets the pure package, and is told so here and by `pyproxy -vv`.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

# The modules that each request goes through. They are ordinary Python; the .pxd beside one says what its names are in C. Where
# there is a .pyx beside the .py, the two are twins and the .pyx is what is compiled.
COMPILED = (
    "proxy.runtime.averages",
    "proxy.runtime.backend",
    "proxy.runtime.counted",
    "proxy.runtime.frontend",
    "proxy.runtime.log",
    "proxy.runtime.process",
    "proxy.runtime.rates",
    "proxy.runtime.server",
    "proxy.runtime.turn",
    "proxy.core.address_fields",
    "proxy.core.balance.contract",
    "proxy.core.balance.farm",
    "proxy.core.balance.roundrobin",
    "proxy.core.cookie_scan",
    "proxy.core.cookies",
    "proxy.core.http1.chunked",
    "proxy.core.http1.fast",
    "proxy.core.http1.head",
    "proxy.core.http1.limits",
    "proxy.core.http1.plain_chunks",
    "proxy.core.http1.reader",
    "proxy.core.http1.writer",
    "proxy.core.logformat.ready_lines",
    "proxy.core.logformat.selection",
    "proxy.core.pool",
    "proxy.core.timers",
    "proxy.core.stream.accounting",
    "proxy.core.stream.body",
    "proxy.core.stream.exchange",
    "proxy.core.stream.http_edit",
    "proxy.core.stream.http_end",
    "proxy.core.stream.http_session",
    "proxy.core.stream.http_request",
    "proxy.core.stream.http_stream",
    "proxy.core.stream.idleness",
    "proxy.core.stream.log_facts",
    "proxy.core.stream.opening",
    "proxy.core.stream.ports",
    "proxy.core.stream.server_connection",
    "proxy.core.stream.service_stream",
    "proxy.core.stream.session",
    "proxy.core.stream.stream",
    "proxy.core.stream.tcp_session",
    "proxy.engine.acceptor",
    "proxy.engine.calls",
    "proxy.engine.connecting",
    "proxy.engine.link",
    "proxy.engine.logsink",
    "proxy.engine.piping",
    "proxy.engine.readiness",
    "proxy.engine.syslog",
    "proxy.engine.worker",
)
# A bound method of a typed object, passed as a value, would lose its object: to the compiler it is a pointer of another type.
C_FLAGS = ["-O2", "-Werror=incompatible-pointer-types"]
CAUSE_MAX = 120             # of what the compiler's failure is told with: it may be the whole command
DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,         # the .pxd files type; annotations are for readers and mypy
    "infer_types": True,
    "nonecheck": True,                  # an attribute of None is an AttributeError, never a crash
    "binding": False,
}


def extensions() -> list[Extension]:
    """What is to be compiled: nothing where that is not wanted, or Cython is not there."""
    if os.environ.get("PYPROXY_PURE", "0") not in ("", "0"):
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        if required():
            raise
        return []
    found = []
    for name in COMPILED:
        stem = Path(*name.split("."))
        twin = stem.with_suffix(".pyx")
        found.append(Extension(name, [str(twin if twin.exists() else stem.with_suffix(".py"))], extra_compile_args=C_FLAGS))
    return cythonize(found, compiler_directives=DIRECTIVES, build_dir="build/cython", quiet=True)


def required() -> bool:
    return os.environ.get("PYPROXY_REQUIRE_COMPILED", "0") not in ("", "0")


class BuildExt(build_ext):
    """All modules or none: a package that is compiled in part is neither of the two that the tests know."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:
            if required():
                raise
            for extension in self.extensions:
                Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
            self.extensions = []
            cause = str(error).partition("\n")[0][:CAUSE_MAX]
            print(f"pyproxy: not compiled ({cause}); the pure Python package works the same, only slower", file=sys.stderr)


setup(
    packages=[*find_packages(include=["proxy", "proxy.*"]), "proxy.grammar", "proxy.examples"],
    package_dir={"proxy.grammar": "grammar", "proxy.examples": "examples"},
    package_data={
        "proxy": ["py.typed"],
        "proxy.grammar": ["*.lark"],
        "proxy.examples": ["*.cfg", "*.conf", "*.service"],
        "proxy.stats": ["*.css", "*.js", "*.html", "*.json"],
        "proxy.stats.page": ["*.css", "*.js", "*.html", "*.json"],
    },
    include_package_data=False,
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildExt},
)
