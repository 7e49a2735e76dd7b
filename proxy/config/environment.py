"""The environment variables that a configuration sees and may change while it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.base.version import HAPROXY_VERSION
from proxy.config.statements import Statement

ENVIRONMENT_KEYWORDS = ("setenv", "presetenv", "unsetenv", "resetenv")


class VariableError(ValueError):
    """A `setenv` or one of its kin that cannot be obeyed; the text is HAProxy's."""


class Environment(dict[str, str]):
    """Variables by name. `setenv`, `presetenv`, `unsetenv` and `resetenv` in `global` act on the lines behind them.

    The process's own environment is never touched: whoever starts programs hands this one to them.
    Source: HAProxy configuration manual, "setenv".
    """

    def obey(self, statement: Statement) -> None:
        """Carry out one of ENVIRONMENT_KEYWORDS.

        Raises: VariableError.
        """
        keyword, *arguments = (word.text for word in statement.words)
        if keyword == "resetenv":
            kept = {name: self[name] for name in arguments if name in self}
            self.clear()
            self.update(kept)
        elif keyword == "unsetenv":
            if not arguments or not arguments[0]:
                raise VariableError("'unsetenv' expects at least one variable name.")
            for name in arguments:
                self.pop(name, None)
        else:
            self._set(keyword, arguments)

    def _set(self, keyword: str, arguments: list[str]) -> None:
        if len(arguments) < 2 or not arguments[1]:
            raise VariableError(f"'{keyword}' expects a name and a value.")
        name, value = arguments[:2]
        if not name or "=" in name:
            raise VariableError(f"'{keyword}' failed on variable '{name}' : Invalid argument.")
        if keyword == "setenv" or name not in self:
            self[name] = value


def startup_environment(base: Mapping[str, str], files: Sequence[str], localpeer: str) -> Environment:
    """What HAProxy adds to the environment before it reads a configuration.

    Source: HAProxy configuration manual, section 2.3.
    """
    environment = Environment(base)
    environment["HAPROXY_LOCALPEER"] = localpeer
    environment["HAPROXY_CFGFILES"] = ";".join(files)
    environment["HAPROXY_STARTUP_VERSION"] = HAPROXY_VERSION
    return environment
