"""docs/settings.md is what the settings classes say, and leaves none of them out."""

import re
from pathlib import Path

import pytest

from penstock_runtime.names import OPEN, SECRET, instance_name, token_name, url_name, webhook_secret_name
from tools.settings_page import PAGE, documented, page
from tools.setup import ROOT

DECLARED = re.compile(r"\bsetting\(\s*\"(PENSTOCK_\w+)\"")


def test_the_page_is_what_make_generate_would_write() -> None:
    assert PAGE.read_text() == page(), "docs/settings.md is stale: run `make generate`"


def test_every_variable_that_a_settings_class_declares_is_on_the_page() -> None:
    sources = [*ROOT.glob("packages/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]
    declared = {name for source in sources for name in DECLARED.findall(source.read_text())}
    assert sorted(declared - documented()) == []


def test_every_variable_that_a_process_knows_is_on_the_page() -> None:
    of_github = {name("github") for name in (instance_name, token_name, url_name, webhook_secret_name)}
    text = page()
    assert sorted(name for name in {*OPEN, *SECRET, *of_github} if f"`{name}`" not in text) == []


@pytest.mark.parametrize("service", sorted((ROOT / "services").iterdir()), ids=lambda service: service.name)
def test_the_page_of_a_service_names_every_variable_of_its_own(service: Path) -> None:
    (settings,) = service.glob("src/*/settings.py")
    page_of_service = (service / "README.md").read_text()
    own = set(DECLARED.findall(settings.read_text()))
    assert sorted(name for name in own if f"`{name}`" not in page_of_service) == []
