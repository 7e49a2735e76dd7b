"""When a run of results becomes a state: `rise` successes in a row are up, `fall` failures in a row are down."""

from __future__ import annotations


class RiseFall:
    """Counts results; `up` is None until there is a state.

    The first result decides at once, as in keepalived: `rise` and `fall` are for changes. With `init_fail` it begins down.
    """

    def __init__(self, rise: int, fall: int, *, init_fail: bool = False) -> None:
        self.rise, self.fall = rise, fall
        self.up: bool | None = False if init_fail else None
        self._run = 0

    def result(self, good: bool) -> bool:
        """Take a result; True when the state has changed."""
        if self.up is None:
            self.up, self._run = good, 0
            return True
        if good == self.up:
            self._run = 0
            return False
        self._run += 1
        if self._run < (self.rise if good else self.fall):
            return False
        self.up, self._run = good, 0
        return True
