"""What the caller of `load` decides: the command line's part of a configuration."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


def read_file(path: str) -> bytes:
    """The whole file.

    Raises: OSError.
    """
    return Path(path).read_bytes()


class LoadOptions(NamedTuple):
    """The command line's say in a configuration.

    `maxconn` is `-n`, `proxy_maxconn` `-N`, `localpeer` `-L`, `ignore_unresolved` `-dr`, `splicing_forbidden` `-dS`,
    `zero_warning` `-dW`. `read_file` gives the
    content of the files that a configuration names (error files); `user_exists` and `group_exists`, where given, let an
    unknown `user` or `group` be found while the configuration is checked and not only when it is started. With `port_zero`
    a `bind` may leave the choice of its port to the system.
    """

    maxconn: int | None = None
    proxy_maxconn: int | None = None
    localpeer: str = ""
    ignore_unresolved: bool = False
    splicing_forbidden: bool = False
    zero_warning: bool = False
    port_zero: bool = False
    read_file: Callable[[str], bytes] = read_file
    user_exists: Callable[[str], bool] | None = None
    group_exists: Callable[[str], bool] | None = None
