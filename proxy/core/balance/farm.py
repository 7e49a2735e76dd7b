"""Who may be chosen at this moment: the active servers, or else the backups."""

from __future__ import annotations

from proxy.core.balance.contract import Balancer
from proxy.runtime.backend import Backend
from proxy.runtime.server import Server


class Farm:
    """The usable servers of one backend and the balancer that chooses among them.

    `pick(key, avoid)` is the balancer's own, or gives the one backup server when all active ones are gone: that one is given
    even when it is full, and its queue fills.
    Source: HAProxy configuration manual, "backup" and "option allbackups".
    """

    __slots__ = ("_backend", "_backup", "_balancer")

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._balancer: Balancer = backend.balancer
        self._backup: Server | None = None
        self.changed()

    def changed(self) -> None:
        """Recompute who may be chosen: a server's weight or state has changed, or servers were added or removed."""
        backend = self._backend
        usable = [server for server in backend.servers if server.weight_now > 0]
        active = [server for server in usable if not server.is_backup]
        backups = [server for server in usable if server.is_backup]
        backend.active_count, backend.backup_count = len(active), len(backups)
        alone = not active and bool(backups) and not backend.backup_all
        self._backup = backups[0] if alone else None
        self._balancer.rebuild(backups[:1] if alone else active or backups)
        if backend.cookie is not None:
            backend.cookie.servers_changed()

    def pick(self, key: int | None, avoid: Server | None) -> Server | None:
        """The server for the next stream, None when there is none, or none with a free slot."""
        if self._backup is not None:
            return self._backup
        return self._balancer.pick(key, avoid)

    def offers_another(self, server: Server) -> bool:
        """Could a server other than this one be picked?"""
        backend = self._backend
        if self._backup is not None:
            return self._backup is not server
        usable = backend.active_count or backend.backup_count
        return usable > (1 if server.is_usable and (not server.is_backup or not backend.active_count) else 0)

