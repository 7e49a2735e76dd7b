"""The pages made from the keyword table: the reference in examples/, and `-dK`."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config.dump import CLASSES, dump_keywords
from proxy.config.keywords import GLOBAL_KEYWORDS, PROXY_KEYWORDS, RESOLVERS_KEYWORDS
from proxy.config.reference import page

PAGE = Path(__file__).parents[3] / "examples" / "keywords.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "python -m proxy.config.reference > examples/keywords.md"


def test_the_page_has_every_keyword() -> None:
    text = page()
    for row in (*GLOBAL_KEYWORDS, *PROXY_KEYWORDS, *RESOLVERS_KEYWORDS):
        assert f"`{row.words}" in text


def test_the_help_names_the_classes() -> None:
    lines = dump_keywords("help").splitlines()
    assert lines[:2] == ["# List of supported keyword classes:", "all: list all keywords"]
    assert [line.partition(":")[0] for line in lines[2:]] == list(CLASSES)
    assert dump_keywords("") == dump_keywords("help")


@pytest.mark.parametrize(
    "line",
    ["global", "listen", "\tmaxconn", "\tbind <addr> name +1", "\tbind <addr> accept-proxy", "\tserver <name> <addr> inter +1",
     "\toption dontlognull [ FE ]", "\toption redispatch [ BE ]", "\toption httpclose [ FE BE ]", "\thttp-request use-service",
     "\thttp-request set-var*", "\thttp-check send hdr +2"],
)
def test_configuration_keywords_are_listed_as_haproxy_lists_them(line: str) -> None:
    assert line in dump_keywords("cfg").splitlines()


def test_all_classes_are_listed_and_unknown_ones_passed_over() -> None:
    text = dump_keywords("all")
    assert text.count("# List of registered") == len(CLASSES)
    assert "prometheus-exporter" in dump_keywords("nothing,svc").splitlines()
    assert dump_keywords("nothing") == ""
