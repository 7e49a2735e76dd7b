"""Becoming somebody else, as the kernel is asked for it."""

import os
import pwd

import pytest

from proxy.base.errors import StartError
from proxy.base.privileges import CAP_DAC_OVERRIDE
from proxy.config.model import Global
from proxy.master.identity import Identity, find_identity, take_identity


@pytest.fixture
def calls(monkeypatch):
    made = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(os, "getgid", lambda: 0)
    for name in ("setgroups", "setgid", "setuid", "chroot", "chdir"):
        monkeypatch.setattr(os, name, lambda value, name=name: made.append((name, value)))
    return made


def identity(**facts):
    return Identity(**{"uid": None, "gid": None, "chroot": "", **facts})


def test_the_other_groups_of_root_go_even_where_the_group_stays(calls):
    take_identity(identity(uid=106, gid=0))
    assert calls == [("setgroups", []), ("setgid", 0), ("setuid", 106)]


def test_a_user_alone_leaves_no_group_of_root_behind(calls):
    take_identity(identity(uid=106))
    assert calls == [("setgroups", []), ("setuid", 106)]


def test_the_directory_is_locked_before_the_right_to_do_so_is_given_up(calls):
    take_identity(identity(uid=106, gid=112, chroot="/empty"))
    assert [name for name, _ in calls] == ["chroot", "chdir", "setgroups", "setgid", "setuid"]


def test_who_is_already_there_changes_nothing(calls):
    take_identity(identity(uid=0, gid=0))
    assert calls == []


class Kernel:
    def __init__(self, made):
        self.made = made

    def bound(self, kept):
        self.made.append(("bound", kept))

    def drop(self, kept):
        self.made.append(("drop", kept))


def test_privileges_go_last_and_what_needs_them_to_go_goes_before(calls):
    take_identity(identity(uid=106, gid=112, chroot="/empty", kernel=Kernel(calls)))
    assert [name for name, _ in calls] == ["chroot", "chdir", "bound", "setgroups", "setgid", "setuid", "drop"]


def test_who_stays_root_has_to_reach_sockets_of_others(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert find_identity(Global(), reaches_paths=True).kept == {CAP_DAC_OVERRIDE}
    assert find_identity(Global(), reaches_paths=False).kept == frozenset()
    assert find_identity(Global(uid=65534), reaches_paths=True).kept == frozenset()


def test_a_user_without_a_group_has_its_own_and_not_roots(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    nobody = pwd.getpwnam("nobody")
    assert find_identity(Global(user="nobody")).gid == nobody.pw_gid
    assert find_identity(Global(uid=nobody.pw_uid)).gid == nobody.pw_gid
    assert find_identity(Global(user="nobody", gid=4)).gid == 4
    assert find_identity(Global(uid=4_000_000_000)).gid is None


def test_what_does_not_go_is_told(calls):
    class Refusing(Kernel):
        def drop(self, kept):
            raise PermissionError(1, "Operation not permitted")

    with pytest.raises(StartError, match="cannot give up") as caught:
        take_identity(identity(kernel=Refusing(calls)))
    assert caught.value.step == "capabilities"
