"""Who the process becomes: user, group and root directory, looked up before anything is started and taken at the end."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass

from proxy.base.errors import StartError
from proxy.config.model import Global


@dataclass(frozen=True, slots=True)
class Identity:
    """What `chroot`, `user`/`uid` and `group`/`gid` ask for; None and "" leave things as they are."""

    uid: int | None = None
    gid: int | None = None
    chroot: str = ""


def find_identity(settings: Global) -> Identity:
    """Look everything up while names can still be looked up and the terminal is still there.

    Raises: StartError for an unknown user or group, a missing directory, or when this takes root and we are not.
    """
    identity = Identity(_uid(settings), _gid(settings), settings.chroot)
    if identity.chroot:
        _check_directory(identity.chroot)
    if os.geteuid() != 0:
        _check_unprivileged(settings, identity)
    return identity


def take_identity(identity: Identity) -> None:
    """Lock into the directory, then become the user, for good.

    Raises: StartError.
    """
    if identity.chroot:
        try:
            os.chroot(identity.chroot)
            os.chdir("/")
        except OSError as error:
            raise StartError("chroot", f"Cannot chroot({identity.chroot}).", _why(error)) from None
    changes_group = identity.gid is not None and identity.gid != os.getgid()
    changes_user = identity.uid is not None and identity.uid != os.getuid()
    if identity.gid is not None and (changes_group or changes_user):
        try:
            if os.geteuid() == 0:
                os.setgroups([])        # root's other groups would stay, even where the group itself is the same
            os.setgid(identity.gid)
        except OSError as error:
            raise StartError("group", f"Cannot set gid {identity.gid}.", _why(error)) from None
    if identity.uid is not None and changes_user:
        try:
            if os.geteuid() == 0 and identity.gid is None:
                os.setgroups([])
            os.setuid(identity.uid)
        except OSError as error:
            raise StartError("user", f"Cannot set uid {identity.uid}.", _why(error)) from None


def _uid(settings: Global) -> int | None:
    if not settings.user:
        return settings.uid
    try:
        return pwd.getpwnam(settings.user).pw_uid
    except KeyError:
        raise StartError(
            "user", f"cannot find user id for '{settings.user}'",
            f"create it (useradd --system --no-create-home {settings.user}), or correct 'user' in the global section",
        ) from None


def _gid(settings: Global) -> int | None:
    if not settings.group:
        return settings.gid
    try:
        return grp.getgrnam(settings.group).gr_gid
    except KeyError:
        raise StartError(
            "group", f"cannot find group id for '{settings.group}'",
            f"create it (groupadd --system {settings.group}), or correct 'group' in the global section",
        ) from None


def _check_directory(path: str) -> None:
    if not os.path.isdir(path):
        missing = "is not a directory" if os.path.exists(path) else "does not exist"
        raise StartError("chroot", f"Cannot chroot({path}).",
                         f"it {missing}: mkdir -p {path} (it may stay empty), or correct 'chroot'")


def _check_unprivileged(settings: Global, identity: Identity) -> None:
    if identity.chroot:
        raise StartError("chroot", f"Cannot chroot({identity.chroot}).",
                         "only root may: start as root, or remove 'chroot' from the global section")
    if identity.gid is not None and identity.gid != os.getgid():
        raise StartError("group", f"Cannot set gid {identity.gid}.",
                         "only root may become another group: start as root, or remove 'group' from the global section")
    if identity.uid is not None and identity.uid != os.getuid():
        raise StartError("user", f"Cannot set uid {identity.uid}.",
                         "only root may become another user: start as root, or remove 'user' from the global section")


def _why(error: OSError) -> str:
    return error.strerror or str(error)
