"""A handler of the analysis that kills its process, raises, hangs or is stuck: the review goes on without it."""

import signal

from tests.support.processes import StartedProcess
from tests.support.waiting import eventually
from tests.trouble.page import quoted
from tests.trouble.remedies import explained
from tests.trouble.stage import DOUBLES, Stage, all_but, ended


async def test_a_request_that_kills_its_process_is_tried_twice_then_thrice_alone_and_given_up(place: Stage) -> None:
    async with all_but(place, "ast"):
        await place.pull_request(await place.repository())
        deaths: list[int] = []
        counts: set[tuple[str, int]] = set()
        running: list[StartedProcess] = [place.start(DOUBLES, "aborts")]

        async def given_up() -> bool:
            """Started again after each death, as whatever watches over processes does."""
            counts.update(place.rows("select consumer, count from workflow.deliveries where topic = 'ast.requested'"))
            if (death := running[-1].process.poll()) is not None:
                deaths.append(death)
                running.append(place.start(DOUBLES, "aborts"))
            return bool(await place.dead_letters())

        await eventually(given_up, within=60, what="the request to be given up")
        (run,) = await place.over()

        assert deaths == [-signal.SIGABRT] * 5
        alone = {("penstock-ast alone", count) for count in (1, 2, 3)}
        assert {("penstock-ast", 1), ("penstock-ast", 2), ("penstock-ast", 3), *alone} <= counts
        assert not place.rows("select * from workflow.deliveries where topic = 'ast.requested'")
        (letter,) = await place.dead_letters()
        assert (letter["reason"], letter["event_type"], letter["run_id"]) == ("poison", "ast.requested", run["id"])
        assert quoted(letter["error"])
        assert explained(letter["remedy"], letter)
        (attempt,) = await place.history(run, "ast")
        assert (attempt["state"], attempt["error_class"]) == ("given_up", "poison")
        assert run["status"] == "COMPLETED"
        assert "The syntax analysis is missing (attempt 1 of 1 failed (poison)" in place.summary()


async def test_a_handler_that_raises_is_tried_once_more_and_the_review_goes_on_without(place: Stage) -> None:
    async with all_but(place, "ast"):
        place.start(DOUBLES, "raises")
        await place.pull_request(await place.repository())
        (run,) = await place.over()
        attempts = await place.history(run, "ast")

    assert [(one["state"], one["error_class"]) for one in attempts] == [
        ("answered", "unknown"),
        ("given_up", "unknown"),
    ]
    assert {one["error"] for one in attempts} == {"ZeroDivisionError: nobody thought of empty files"}
    assert run["status"] == "COMPLETED"
    assert "The syntax analysis is missing (attempt 2 of 2 failed (unknown)" in place.summary()
    assert quoted("attempt 2 of 2 failed (unknown)")


async def test_a_handler_that_hangs_is_cancelled_and_tried_until_it_is_given_up(place: Stage) -> None:
    async with all_but(place, "ast"):
        place.start(DOUBLES, "hangs")
        await place.pull_request(await place.repository())
        (run,) = await place.over()
        attempts = await place.history(run, "ast")
        assert not await place.dead_letters()

    assert [one["state"] for one in attempts] == ["answered", "answered", "given_up"]
    assert {(one["error_class"], one["error"]) for one in attempts} == {
        ("transient", "the handler took longer than 1 s")
    }
    assert quoted("the handler took longer than")
    assert run["status"] == "COMPLETED"
    assert "The syntax analysis is missing (attempt 3 of 3 failed (transient)" in place.summary()


async def test_a_handler_that_ignores_its_cancellation_ends_its_process_and_the_next_one_does_the_work(
    place: Stage,
) -> None:
    async with all_but(place, "ast"):
        stuck = place.start(DOUBLES, "is-stuck")
        await place.pull_request(await place.repository())
        assert await ended(stuck) == 1
        assert "HandlerStuck: the handler of ast.requested ignores its cancellation" in stuck.output()
        assert quoted("ignores its cancellation")
        place.start("penstock_ast")
        (run,) = await place.over()
        (attempt,) = await place.history(run, "ast")

    assert (attempt["attempt"], attempt["outcome"]) == (1, "ok")
    assert (run["outcome"], place.reviews()) == ("reviewed", 1)
