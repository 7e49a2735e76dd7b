"""What the documents promise can be done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.config.load import load

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_into_the_repository_leads_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), f"{name}: {target}"


def test_every_module_that_architecture_names_is_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text[text.index("| step |"):text.index("Everything starts before")]
    for name in re.findall(r"`([a-z_.]+)`", "".join(line.split("|")[2] for line in table.splitlines() if line.startswith("|"))):
        path = ROOT / "proxy" / name.replace(".", "/")
        master = ROOT / "proxy" / "master" / f"{name}.py"
        assert master.exists() or path.is_dir() or path.with_suffix(".py").exists(), name


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.cfg")), ids=lambda path: path.name)
@pytest.mark.parametrize("as_service", [False, True])
def test_every_example_loads(path: Path, as_service: bool) -> None:
    environment = {"PYPROXY_SERVICE": "1"} if as_service else {}
    configuration = load([str(path)], environment=environment)
    warnings = [each.message for each in configuration.diagnostics]
    expected = ["please use the 'bind' keyword for listening addresses."] if path.name == "haproxy.cfg" else []
    assert warnings == expected
    assert configuration.global_.daemon == (as_service and path.name == "haproxy.cfg")


def test_the_configuration_in_the_readme_loads() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r'CONFIGURATION = """\n(.*?)"""', text, re.DOTALL)
    assert found is not None
    from proxy.config.load_options import LoadOptions

    assert not load(text=found[1], options=LoadOptions(port_zero=True)).diagnostics
