"""py-spy's raw format, counted."""

from bench.sampling import dearest, shares

STACKS = """\
main (proxy/cli.py:1);read (proxy/head.py:3);match (re.so) 6
main (proxy/cli.py:1);read (proxy/head.py:9) 2
main (proxy/cli.py:1);walk (proxy/tree.py:1);walk (proxy/tree.py:2) 2
not a stack
"""


def test_lines_of_one_function_are_one_and_c_counts_for_its_caller() -> None:
    counted = shares(STACKS)
    assert counted.total == 10
    assert counted.own == {"read (proxy/head.py)": 8, "walk (proxy/tree.py)": 2}
    assert counted.leaf == {"match (re.so)": 6, "read (proxy/head.py)": 2, "walk (proxy/tree.py)": 2}


def test_recursion_counts_once() -> None:
    assert shares(STACKS).cumulative["walk (proxy/tree.py)"] == 2


def test_what_is_on_every_stack_is_left_out_of_the_cumulative_table() -> None:
    _own, cumulative, innermost = dearest(STACKS).split("\n\n")
    assert "main" not in cumulative
    assert "80.0%" in cumulative
    assert "match (re.so)" in innermost
