"""The configuration is read once for the same change, and again when somebody wants it forgotten (D3)."""

from dataclasses import replace

import pytest

from penstock_changes.documents import ReviewConfig
from penstock_prepare.resolving import place_of
from tests.support.requests import PULL_REQUEST
from tests.unit.penstock_prepare.support import World, pull_request

TRUNK = "b" * 40


async def test_the_second_reading_of_a_change_does_not_ask_the_platform_for_its_configuration() -> None:
    world = World()
    world.opened()
    world.configured("language: de\n")

    first, second = await world.resolved(), await world.resolved(attempt=2)

    assert len(world.reader.read) == 1
    assert first.config_blob == second.config_blob
    assert world.config(second).language == "de"


async def test_that_there_is_no_file_is_kept_as_well() -> None:
    world = World()
    world.opened()
    await world.resolved()
    assert world.config(await world.resolved()) == ReviewConfig()
    assert len(world.reader.read) == 1


@pytest.mark.parametrize("named", [{"repository": "acme/shop"}, {"organisation": "acme"}])
async def test_forgotten_by_any_process_it_is_read_again(named: dict[str, str]) -> None:
    world = World()
    world.opened()
    world.configured("language: de\n")
    await world.resolved()
    world.configured("language: fr\n")
    assert world.config(await world.resolved()).language == "de"

    await world.store.cache.forget("configuration", **named)

    assert world.config(await world.resolved()).language == "fr"


async def test_what_others_want_forgotten_stays() -> None:
    world = World()
    world.opened()
    await world.resolved()
    await world.store.cache.forget("configuration", repository="acme/blog")
    await world.resolved()
    assert len(world.reader.read) == 1


async def test_after_five_minutes_it_is_read_again() -> None:
    world = World()
    world.opened()
    await world.resolved()
    world.clock.advance(299)
    await world.resolved()
    assert len(world.reader.read) == 1
    world.clock.advance(1)
    await world.resolved()
    assert len(world.reader.read) == 2


async def test_without_a_cache_everything_is_read_as_before() -> None:
    world = World()
    world.opened()
    world.store.go_away()
    assert (await world.resolved()).config_blob == (await world.resolved()).config_blob
    assert len(world.reader.read) == 2


async def test_a_file_that_is_too_large_is_not_kept_whole_and_still_told_of() -> None:
    world = World()
    world.opened()
    world.configured("#" * 200_000)
    await world.resolved()
    (entry,) = world.store.tables.cache.values()
    assert entry.value is not None
    assert len(entry.value) == 64 * 1024 + 2
    assert "larger than" in world.config(await world.resolved()).notices[0]


def test_another_base_other_changes_another_repository_or_another_name_of_it_is_another_entry() -> None:
    pull = pull_request(base=TRUNK, head="h" * 40)
    places = [
        place_of(PULL_REQUEST, pull),
        place_of(PULL_REQUEST, replace(pull, base="c" * 40)),
        place_of(PULL_REQUEST, replace(pull, head="i" * 40)),
        place_of(replace(PULL_REQUEST, repository_id="43"), pull),
        place_of(replace(PULL_REQUEST, instance="github.example"), pull),
        place_of(replace(PULL_REQUEST, repository="umbrella/shop"), pull),
    ]
    assert len({place.key for place in places}) == len(places)
    assert place_of(replace(PULL_REQUEST, number=8), pull) == places[0]
