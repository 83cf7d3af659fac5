"""A record may be called poison only after the deaths that count were its own."""

import pytest

from penstock_store.rows import DeadLetterRow, Place, RawRecord
from tests.sim.deaths import ALONE, IN_COMPANY, Deaths, InHand

GROUP, TOPIC = "penstock-ast", "ast.requested"
HERE, ELSEWHERE = Place(TOPIC, 0, 7), Place(TOPIC, 0, 8)


def letter(place: Place, consumer: str = GROUP) -> DeadLetterRow:
    record = RawRecord(place.topic, place.partition, place.position, b"key", (), b"value")
    return DeadLetterRow("id", consumer, record, "s", "run", "event", "ast.requested", "poison", "", "")


async def told(consumer: str, places: object) -> None:
    """The store, which says nothing of interest."""


async def died(deaths: Deaths, *, company: int, alone: int, place: Place = HERE) -> Deaths:
    for consumer in (*[GROUP] * company, *[f"{GROUP} alone"] * alone):
        life = InHand(deaths)
        await life.beginning(told)(consumer, [place])
        life.struck()
    return deaths


async def test_five_deaths_of_one_record_make_it_poison_and_it_alone() -> None:
    deaths = await died(Deaths(), company=IN_COMPANY, alone=ALONE)
    assert deaths.excuse(letter(HERE), answers_lost=False)
    assert not deaths.excuse(letter(ELSEWHERE), answers_lost=False)
    assert not deaths.excuse(letter(HERE, "penstock-prepare"), answers_lost=False)


@pytest.mark.parametrize(("company", "alone"), [(IN_COMPANY - 1, ALONE), (IN_COMPANY, ALONE - 1), (9, 0)])
async def test_fewer_deaths_or_deaths_in_company_alone_excuse_nothing(company: int, alone: int) -> None:
    assert not (await died(Deaths(), company=company, alone=alone)).excuse(letter(HERE), answers_lost=False)


async def test_who_was_done_with_a_record_does_not_die_of_it() -> None:
    deaths = await died(Deaths(), company=IN_COMPANY, alone=ALONE - 1)
    life = InHand(deaths)
    await life.beginning(told)(f"{GROUP} alone", [HERE])
    await life.ending(told)(f"{GROUP} alone", [HERE])
    life.struck()
    assert not deaths.excuse(letter(HERE), answers_lost=False)


@pytest.mark.parametrize("answers_lost", [False, True])
async def test_what_one_life_counts_twice_is_a_death_only_where_answers_got_lost(answers_lost: bool) -> None:
    deaths = await died(Deaths(), company=IN_COMPANY, alone=ALONE - 1)
    life = InHand(deaths)
    for _ in range(2):
        await life.beginning(told)(f"{GROUP} alone", [HERE])
    assert deaths.excuse(letter(HERE), answers_lost=answers_lost) is answers_lost
