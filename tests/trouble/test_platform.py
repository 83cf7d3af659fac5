"""A platform that refuses the token: the run fails, and says which variable holds it."""

from dataclasses import replace

from tests.trouble.page import quoted
from tests.trouble.stage import Stage, all_but


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
