"""Numbers that users see: those they chose, and those HAProxy would give to the rest."""

import pytest

from proxy.build.numbering import numbers, places

SERVERS = [
    ([None, None, None], [1, 2, 3]),
    ([None, 7, None], [1, 7, 3]),
    ([None, 1, None], [2, 1, 3]),
    ([3, None, None], [3, 2, 4]),
    ([], []),
]
SECTIONS = [
    ([None, None], 1, [1, 2]), ([None, 9, None], 2, [2, 9, 4]), ([2, None], 2, [2, 3]), ([None, 9, None, 1], 1, [2, 9, 4, 1]),
    ([None, 3, None, 50, None, 4, None], 2, [2, 3, 5, 50, 7, 4, 9]),
]


@pytest.mark.parametrize(("wanted", "given"), SERVERS)
def test_a_server_is_called_by_its_place_unless_that_is_taken(wanted, given):
    assert places(wanted) == given


@pytest.mark.parametrize(("wanted", "first", "given"), SECTIONS)
def test_a_section_gets_the_next_number_that_is_free(wanted, first, given):
    assert numbers(wanted, first) == given
