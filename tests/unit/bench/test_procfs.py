"""What /proc tells, of ourselves at least."""

import os

from bench.procfs import Cpu, busy_s, cpu, peak_rss_bytes, rss_bytes, stat_fields, tree

GONE = 2**22 + 1        # above every process id


def test_names_with_blanks_and_parentheses_shift_nothing() -> None:
    assert stat_fields("7 (a) b) S 3 7")[:2] == ["S", "3"]


def test_our_own_figures() -> None:
    me = os.getpid()
    assert me in tree(os.getppid())
    assert cpu([me]).total_s > 0
    assert 2**20 < rss_bytes([me]) <= peak_rss_bytes(me)
    assert busy_s(min(os.sched_getaffinity(0))) > 0


def test_a_process_that_is_gone_counts_nothing() -> None:
    assert cpu([GONE]) == Cpu()
    assert rss_bytes([GONE]) == 0
    assert peak_rss_bytes(GONE) == 0
    assert tree(GONE) == [GONE]


def test_cpu_is_a_difference() -> None:
    used = Cpu(3.0, 5.0) - Cpu(1.0, 2.0)
    assert (used.user_s, used.kernel_s, used.total_s) == (2.0, 3.0, 5.0)
