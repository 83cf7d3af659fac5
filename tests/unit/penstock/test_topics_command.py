"""`penstock topics`, on the log in memory and without any."""

import io
import json

import pytest

from penstock.cli import main
from penstock.operating.ending import DONE, MISUSED
from penstock.operating.topics import created, printed
from penstock_contracts.flow import TOPICS
from penstock_eventlog.memory import MemoryLog


def test_the_topics_are_printed_without_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "--print"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["topic", "partitions", "kept", "key"]
    assert [line.split()[0] for line in lines[1:]] == [topic.name for topic in TOPICS]


def test_for_programs_the_retention_is_kafkas() -> None:
    out = io.StringIO()
    assert printed("acme.", out, as_json=True) == DONE
    first = json.loads(out.getvalue())[0]
    assert (first["topic"], first["partitions"], first["retention_ms"]) == ("acme.pr.received", 12, 604_800_000)


def test_without_brokers_it_says_which_variable_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PENSTOCK_KAFKA_BOOTSTRAP", raising=False)
    assert main(["topics"]) == MISUSED
    assert "PENSTOCK_KAFKA_BOOTSTRAP is missing" in capsys.readouterr().err


async def test_topics_that_are_there_are_left_alone() -> None:
    out = io.StringIO()
    assert await created(MemoryLog(), "acme.", out) == DONE
    lines = out.getvalue().splitlines()
    assert len(lines) == len(TOPICS)
    assert lines[0] == "there    acme.pr.received, 12 partitions"
