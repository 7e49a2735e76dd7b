"""Becoming somebody else, as the kernel is asked for it."""

import os

import pytest

from proxy.master.identity import Identity, take_identity


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
