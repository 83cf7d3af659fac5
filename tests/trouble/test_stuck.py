"""What is stuck beside events that cannot be applied: answers that nobody can read, records that Kafka refuses,
requests that were given up, rubbish. Each is cleared by what its remedy tells to type."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from penstock.demo import example
from penstock_contracts.enums import Stage as StageName
from penstock_contracts.envelope import from_headers, to_headers
from penstock_contracts.facts import ConfigResolved
from penstock_contracts.ids import answer_id
from penstock_eventlog.ports import NewRecord
from tests.support.kafka import limit_topic
from tests.support.processes import StartedProcess
from tests.support.waiting import eventually
from tests.trouble.remedies import carry_out, explained, penstock, stall_of
from tests.trouble.stage import DOUBLES, Stage, all_but, ended
from tests.trouble.test_rubbish import log_of, say, take

Row = Mapping[str, Any]


async def test_an_answer_that_nobody_can_read_stalls_its_run_and_counts_as_failed_once_it_is_put_aside(
    place: Stage,
) -> None:
    async with all_but(place, "prepare"):
        await place.pull_request(await place.repository())
        await answer_with_rubbish(place)
        await one_letter(place)
        (run,) = await place.runs()
        told = await stall_of(place, run)
        assert (told["event_type"], told["stage"]) == ("config.resolved", "prepare")
        assert told["error"].startswith("undecodable: ")

        code, output = await penstock(place, "dlq", "redrive", told["letter_id"])
        assert (code, "it cannot be applied yet: its bytes cannot be decoded" in output) == (1, True)
        await carry_out(place, told["remedy"])
        place.start("penstock_prepare")
        (over,) = await place.over()
        assert (over["outcome"], place.reviews()) == ("reviewed", 1)
        attempts = await place.history(over, "prepare")
        assert [(row["attempt"], row["outcome"]) for row in attempts] == [(1, "failed"), (2, "ok")]
        assert await place.dead_letters() == []


async def test_a_request_on_a_topic_of_answers_stalls_its_run_until_it_is_put_aside(place: Stage) -> None:
    async with all_but(place, "prepare"):
        await place.pull_request(await place.repository())
        log = log_of(place)
        (request,) = await take(log, "reader", "prepare.requested", 1)
        strange = to_headers(replace(from_headers(request.headers), id="strange"))
        assert request.value
        await say(log, [NewRecord(ConfigResolved.TYPE, "k", strange, request.value, "k")])
        await log.close()
        await one_letter(place)
        (run,) = await place.runs()
        told = await stall_of(place, run)
        assert (told["event_type"], told["event_id"]) == ("prepare.requested", "strange")
        assert told["error"] == "undecodable: prepare.requested has no place on config.resolved"
        assert run["waiting_for"] == "redrive of strange, or discard"

        await carry_out(place, told["remedy"])
        place.start("penstock_prepare")
        (over,) = await place.over()
        assert (over["outcome"], place.reviews()) == ("reviewed", 1)
        assert [(row["attempt"], row["outcome"]) for row in await place.history(over, "prepare")] == [(1, "ok")]
        assert await place.dead_letters() == []


async def answer_with_rubbish(place: Stage) -> None:
    """In the name of prepare, to what was asked of it."""
    log = log_of(place)
    (request,) = await take(log, "reader", "prepare.requested", 1)
    asked = from_headers(request.headers)
    envelope = replace(
        asked,
        id=answer_id(asked.workflow_id, StageName.PREPARE, asked.part, asked.attempt),
        type=ConfigResolved.TYPE,
        not_after=None,
    )
    value = b"\x00\x00\x00\x00\x01rubbish"
    await say(log, [NewRecord(ConfigResolved.TYPE, asked.stream, to_headers(envelope), value, asked.stream)])
    await log.close()


async def test_a_record_that_kafka_refuses_blocks_its_stream_visibly_until_kafka_takes_it_and_no_other(
    place: Stage,
) -> None:
    await allow(place, "prepare.requested", 900)
    async with all_but(place):
        repository = await place.repository()
        long = await place.forge.world.create_repository(f"{example.NAME}-{'long' * 20}", example.BEFORE)
        await place.pull_request(long)

        async def blocked() -> Sequence[Row]:
            return list((await place.get("blocked-streams"))["blocked_streams"])

        (stream,) = await eventually(blocked, what="the stream to be blocked")
        (run,) = await place.runs()
        assert stream["stream"] == run["stream"]
        told = await stall_of(place, run)
        assert (told["event_type"], told["stage"], told["remedy"]) == ("prepare.requested", "prepare", stream["remedy"])
        code, listed = await penstock(place, "dlq", "ls")
        assert (code, stream["remedy"] in listed) == (0, True)

        await place.pull_request(repository)

        async def neighbour_over() -> Sequence[Row]:
            return [one for one in await place.runs() if one["id"] != run["id"] and one["finished_at"]]

        (neighbour,) = await eventually(neighbour_over, within=40, what="the other pull request's review")
        assert neighbour["outcome"] == "reviewed"
        assert [one["stream"] for one in await blocked()] == [run["stream"]]

        await carry_out(place, told["remedy"])
        (again,) = await eventually(blocked, what="what is refused again to be blocked again")
        await allow(place, "prepare.requested", size_in(again["remedy"]))
        await carry_out(place, again["remedy"])
        over = await place.over(runs=2)
        assert ([one["outcome"] for one in over], place.reviews()) == (["reviewed", "reviewed"], 2)
        assert not await blocked()
        asked = "select actor from workflow.facts where type = 'repair.requested'"
        assert place.rows(asked) == [("nobody",), ("nobody",)]


def size_in(remedy: str) -> int:
    found = re.search(r"records of (\d+) bytes", remedy)
    assert found
    return int(found[1])


async def allow(place: Stage, topic: str, size: int) -> None:
    prefix, brokers = place.environment["PENSTOCK_TOPIC_PREFIX"], place.environment["PENSTOCK_KAFKA_BOOTSTRAP"]
    await limit_topic(brokers, f"{prefix}{topic}", size)


async def test_a_request_that_was_given_up_as_poison_is_asked_anew_in_a_run_of_its_own(place: Stage) -> None:
    async with all_but(place, "ast"):
        await place.pull_request(await place.repository())
        process: StartedProcess = place.start(DOUBLES, "aborts")
        for _ in range(4):
            await ended(process, within=40)
            process = place.start(DOUBLES, "aborts")
        await ended(process, within=40)
        place.start("penstock_ast")
        letter = await one_letter(place)
        (run,) = await place.over()
        (stall,) = (await place.get(f"jobs/{run['id']}"))["stalls"]
        assert (stall["event_type"], stall["stage"]) == ("ast.requested", "ast")
        assert (stall["remedy"], letter["reason"]) == (letter["remedy"], "poison")
        assert explained(letter["remedy"], letter)

        await carry_out(place, letter["remedy"])
        runs = await place.over(runs=2)
        (new,) = [one for one in runs if one["id"] != run["id"]]
        assert (run["outcome"], new["outcome"]) == ("partial", "reviewed")
        assert [row["outcome"] for row in await place.history(new, "ast")] == ["ok"]
        assert await place.dead_letters() == []
        assert len(place.summaries(1)) == 1


async def test_rubbish_belongs_to_no_run_is_told_all_the_same_and_sent_back_is_put_aside_again(place: Stage) -> None:
    log = log_of(place)
    await say(log, [NewRecord("ast.requested", "k", (), b"\x00rubbish", "k")])
    await log.close()
    async with all_but(place):
        letter = await one_letter(place)
        assert (letter["run_id"], letter["stream"], letter["reason"]) == ("", "", "undecodable")
        summary = await place.get("metrics")
        assert summary["dead_letters"] == {"undecodable": 1}
        assert [stall["remedy"] for stall in summary["stalls"]] == [letter["remedy"]]
        assert explained(letter["remedy"], letter)
        code, output = await penstock(place, "dlq", "redrive", "--all")
        assert (code, "left as it is: find out who wrote it" in output) == (0, True)
        code, output = await penstock(place, "dlq", "redrive", letter["id"])
        assert (code, "sent back to ast.requested" in output) == (0, True)

        again = await one_letter(place)
        assert again["id"] != letter["id"]
        await carry_out(place, again["remedy"])
        assert await place.dead_letters() == []


async def one_letter(place: Stage) -> Row:
    letters = await eventually(place.dead_letters, within=60, what="a dead letter")
    (letter,) = letters
    return dict(letter)
