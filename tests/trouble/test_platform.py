"""A platform that refuses the token, and one that is away for a while."""

from dataclasses import replace

from penstock_platforms.forge.faults import Fault, FaultKind
from tests.support.waiting import eventually
from tests.trouble.page import quoted
from tests.trouble.stage import Stage, all_but

_TRIED_BEFORE_IT_IS_BACK = 3


async def test_a_refused_platform_token_fails_the_run_and_is_named_with_its_variable(place: Stage) -> None:
    place = replace(place, environment={**place.environment, "PENSTOCK_GITHUB_TOKEN": "expired-token"})
    async with all_but(place):
        await place.pull_request(await place.repository())
        (run,) = await place.over()
        attempts = await place.history(run, "prepare")
        assert not await place.dead_letters()

    assert (run["status"], run["outcome"], run["error_class"]) == ("FAILED", "failed", "permanent")
    assert [one["state"] for one in attempts] == ["given_up"]
    assert quoted("check PENSTOCK_<PLATFORM>_TOKEN and its rights") in run["reason"]
    assert "expired-token" not in run["reason"]


async def test_a_platform_that_was_away_costs_no_review_with_the_retries_that_are_the_default(place: Stage) -> None:
    told = {name: value for name, value in place.environment.items() if not name.startswith("PENSTOCK_RETRY_")}
    async with all_but(replace(place, environment=told)):
        repository = await place.repository()
        place.forge.faults.add(Fault(FaultKind.STATUS, path="/repositories/", times=1_000_000, status=503))
        await place.pull_request(repository)

        async def tried_in_vain() -> bool:
            found = [row for run in await place.runs() for row in await place.history(run, "prepare")]
            return len([row for row in found if row["outcome"] == "failed"]) >= _TRIED_BEFORE_IT_IS_BACK

        await eventually(tried_in_vain, within=40, what="prepare to fail")
        place.forge.faults.clear()
        (run,) = await place.over()

    assert (run["status"], run["outcome"]) == ("COMPLETED", "reviewed")
    assert place.reviews() == 1
