"""What stands behind the ports, and that the page about this service says the truth."""

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from penstock_changes.documents import ReviewConfig
from penstock_prepare import configuration
from penstock_prepare.bootstrap import assemble, readers_of
from penstock_prepare.errors import NoAccess
from penstock_prepare.stages import LightStage
from penstock_runtime.metrics import Metrics
from penstock_sources.access import Repositories, token_credential
from tests.support.assembling import assembled
from tests.support.requests import PULL_REQUEST

METRICS = Metrics(CollectorRegistry())
README = Path(__file__).parents[3] / "services" / "prepare" / "README.md"


async def test_a_platform_with_a_token_can_be_read() -> None:
    readers = readers_of({"PENSTOCK_GITHUB_TOKEN": "t", "PENSTOCK_GITHUB_URL": "http://127.0.0.1:9/api"}, METRICS)
    assert readers.of(PULL_REQUEST) is readers.platforms["github"]
    await readers.close()


def test_a_platform_without_a_token_is_refused_by_the_name_of_the_variable() -> None:
    with pytest.raises(NoAccess, match="PENSTOCK_GITHUB_TOKEN"):
        readers_of({"PENSTOCK_WEBHOOK_SECRET_GITHUB": "s"}, METRICS).of(PULL_REQUEST)


async def test_repositories_are_read_with_the_token_of_their_platform() -> None:
    repositories = Repositories.of_environment({"PENSTOCK_GITHUB_TOKEN": "t-secret"})
    repository = repositories.repository(PULL_REQUEST, "https://git.example/acme/shop.git")
    assert repository.key == "github:github.com:42"
    assert repository.credentials is not None
    assert await repository.credentials.current() == token_credential("github", "t-secret")
    assert "t-secret" not in repr(repositories)


def test_a_platform_without_a_token_is_read_anonymously() -> None:
    assert Repositories({}).repository(PULL_REQUEST, "https://git.example/x.git").credentials is None


def test_the_page_shows_a_configuration_that_holds_and_names_every_word() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert configuration.read(example.encode()).notices == ()
    assert set(yaml.safe_load(example)) == set(configuration.Written.model_fields)
    assert ReviewConfig().batch_lines == yaml.safe_load(example)["batch_lines"]


def test_the_page_names_every_light_stage() -> None:
    page = README.read_text(encoding="utf-8")
    assert [stage for stage in LightStage if f"| {stage.value} |" not in page] == []


async def test_one_loop_hears_what_is_asked_of_the_preparation() -> None:
    async with assembled(assemble, {"PENSTOCK_GITHUB_TOKEN": "t"}) as service:
        assert [machine.name for machine in service.machines] == ["loop.penstock-prepare"]
