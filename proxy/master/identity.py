"""Who the process becomes: user, group and root directory, looked up before anything is started and taken at the end.

With them goes every privilege that serving does not need (`base.privileges`), also where no other user is named. Only a process
that stays root and has servers at paths keeps one: to connect to sockets of others (CAP_DAC_OVERRIDE).
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable
from typing import NamedTuple

from proxy.base.errors import StartError
from proxy.base.privileges import CAP_DAC_OVERRIDE, Kernel
from proxy.config.model import Global

Warn = Callable[[str, str], None]


class Identity(NamedTuple):
    """What `chroot`, `user`/`uid` and `group`/`gid` ask for; None and "" leave things as they are."""

    uid: int | None = None
    gid: int | None = None
    chroot: str = ""
    kept: frozenset[int] = frozenset()      # capabilities that are needed to the end
    kernel: Kernel | None = None            # None: keep them all


def find_identity(settings: Global, reaches_paths: bool = False, warn: Warn | None = None) -> Identity:
    """Look everything up while names can still be looked up and the terminal is still there.

    Raises: StartError for an unknown user or group, a missing directory, or when this takes root and we are not.
    """
    uid = _uid(settings)
    stays_root = os.geteuid() == 0 and not uid
    kept = frozenset((CAP_DAC_OVERRIDE,)) if stays_root and reaches_paths else frozenset[int]()
    identity = Identity(uid, _gid(settings, uid), settings.chroot, kept, _kernel(warn))
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
    if identity.kernel is not None and os.geteuid() == 0:
        try:
            identity.kernel.bound(identity.kept)
        except OSError as error:
            raise StartError("capabilities", "cannot bound the capabilities.", _why(error)) from None
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
    if identity.kernel is not None:
        try:
            identity.kernel.drop(identity.kept)
        except OSError as error:
            raise StartError("capabilities", "cannot give up what is not needed any more.", _why(error)) from None


def _kernel(warn: Warn | None) -> Kernel | None:
    try:
        return Kernel()
    except (ImportError, OSError, MemoryError) as error:
        if warn is not None:
            warn(f"[haproxy.main()] Cannot give up capabilities ({error}).", "Python's ctypes has to work here")
        return None


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


def _gid(settings: Global, uid: int | None) -> int | None:
    """The group; where none is named and root becomes another user, that user's own: root's group is a privilege too."""
    if not settings.group and settings.gid is None and uid and os.geteuid() == 0:
        try:
            return pwd.getpwuid(uid).pw_gid
        except KeyError:
            return None
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
