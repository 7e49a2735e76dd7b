"""What the global section says about the process as a whole."""

from __future__ import annotations

import pytest

from proxy.base.clock import SystemClock
from proxy.build import build
from proxy.config.load import load
from proxy.config.load_options import LoadOptions

CONFIGURATION = """\
global
    {line}
listen a
    mode tcp
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    bind 127.0.0.1:80
"""


@pytest.mark.parametrize(("line", "forbidden", "may"), [("", False, True), ("nosplice", False, False), ("", True, False)])
def test_octets_may_be_spliced_unless_that_is_forbidden(line: str, forbidden: bool, may: bool) -> None:
    options = LoadOptions(splicing_forbidden=forbidden)
    configuration = load(text=CONFIGURATION.format(line=line), options=options)
    assert build(configuration, SystemClock()).may_splice is may
