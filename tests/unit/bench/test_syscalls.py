"""The table that strace prints, and ours."""

from bench.syscalls import counts, per_request

SUMMARY = """\
strace: Process 7 attached
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 67.23    0.001118          33      2000         3 recvfrom
 30.00    0.000500          12      1000           epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.001663          18      3000         3 total
"""


def test_counts_with_and_without_errors() -> None:
    assert counts(SUMMARY) == {"recvfrom": 2000, "epoll_wait": 1000}


def test_the_sum_comes_first_then_the_most_frequent() -> None:
    lines = per_request({"haproxy": {"a": 1.0, "b": 2.0}, "pyproxy": {"c": 3.0, "rare": 0.001}}).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["all", "c", "b", "a"]
    assert [cell.strip() for cell in lines[2].split("|")[2:4]] == ["3.00", "3.00"]
