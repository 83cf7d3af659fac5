"""The client's properties, its errors in our words, and which log is opened."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ConfigEntry, ConfigResource  # type: ignore[attr-defined]

from penstock_eventlog.errors import LogMisconfigured, LogUnavailable
from penstock_eventlog.groups import groups_of
from penstock_eventlog.kafka import KafkaAddress, KafkaLog, read_properties
from penstock_eventlog.kafka.failures import end_of, failure_of, refusal_of
from penstock_eventlog.kafka.limits import limits_of
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.postgres import PostgresLog
from penstock_eventlog.worker import open_log
from penstock_runtime.clock import ManualClock
from penstock_store.memory.store import MemoryStore


def written(folder: Path, text: str) -> Path:
    path = folder / "kafka.properties"
    path.write_text(text)
    return path


def test_properties_are_lines_of_name_and_value(tmp_path: Path) -> None:
    path = written(tmp_path, "# log in\n\nsecurity.protocol = SASL_SSL\nsasl.password=a=b\n! end\n")
    assert read_properties(path) == {"security.protocol": "SASL_SSL", "sasl.password": "a=b"}


@pytest.mark.parametrize(
    "name",
    [
        "acks",
        "batch.size",
        "statistics.interval.ms",
        "enable.auto.commit",
        "group.id",
        "group.instance.id",
        "message.timeout.ms",
        "partitioner",
    ],
)
def test_what_guarantees_rest_on_cannot_be_changed(tmp_path: Path, name: str) -> None:
    with pytest.raises(LogMisconfigured, match=f"PENSTOCK_KAFKA_CONFIG: remove {name}"):
        read_properties(written(tmp_path, f"{name}=1\n"))


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogMisconfigured, match="line 2"):
        read_properties(written(tmp_path, "a=b\nnonsense\n"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogMisconfigured, match="cannot be read"):
        read_properties(tmp_path / "missing")


def test_kip_848_leaves_out_what_the_client_refuses_with_it() -> None:
    classic = KafkaAddress("host").consumer("g")
    assert (classic["session.timeout.ms"], classic["partition.assignment.strategy"]) == (6_000, "cooperative-sticky")
    newer = KafkaAddress("host", properties={"group.protocol": "consumer"}).consumer("g")
    assert not {"session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"} & set(newer)


def test_a_name_that_lasts_is_told_to_a_classic_group_alone() -> None:
    assert KafkaAddress("host", instance="ast-0").consumer("g")["group.instance.id"] == "ast-0"
    assert "group.instance.id" not in KafkaAddress("host").consumer("g")
    newer = KafkaAddress("host", properties={"group.protocol": "consumer"}, instance="ast-0")
    assert "group.instance.id" not in newer.consumer("g")


def test_names_on_the_wire_carry_the_prefix_and_inside_they_do_not() -> None:
    address = KafkaAddress("host", "team-a.")
    assert address.on_wire("pr.received") == "team-a.pr.received"
    assert address.inside("team-a.pr.received") == "pr.received"
    assert address.consumer("penstock-ast")["group.id"] == "team-a.penstock-ast"


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (KafkaError._AUTHENTICATION, LogMisconfigured, "PENSTOCK_KAFKA_CONFIG"),
        (KafkaError.SASL_AUTHENTICATION_FAILED, LogMisconfigured, "PENSTOCK_KAFKA_CONFIG"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, LogMisconfigured, "denies a right"),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, LogMisconfigured, "penstock topics"),
        (KafkaError._ALL_BROKERS_DOWN, LogUnavailable, ""),
        (KafkaError._TRANSPORT, LogUnavailable, ""),
    ],
)
def test_errors_of_the_client_say_what_to_do(code: int, kind: type[Exception], words: str) -> None:
    failure = failure_of(KafkaError(code))
    assert isinstance(failure, kind)
    assert words in str(failure)


def test_a_consumer_whose_name_another_took_says_what_to_do() -> None:
    told = end_of(KafkaError(KafkaError.FENCED_INSTANCE_ID))
    assert isinstance(told, LogMisconfigured)
    assert "PENSTOCK_INSTANCE" in str(told)
    assert isinstance(end_of(KafkaError(KafkaError._TRANSPORT)), LogUnavailable)


def test_what_ends_a_consumer_for_good_is_not_waited_out() -> None:
    assert isinstance(end_of(KafkaError(KafkaError._FATAL, "gone", fatal=True)), LogMisconfigured)


def test_only_what_is_wrong_with_a_record_refuses_it() -> None:
    assert refusal_of(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    assert refusal_of(KafkaError(KafkaError._UNKNOWN_TOPIC))
    assert not refusal_of(KafkaError(KafkaError._TRANSPORT))
    assert not refusal_of(KafkaError(KafkaError.NOT_ENOUGH_REPLICAS))


async def test_the_log_is_kafka_where_there_is_an_address_and_else_the_store() -> None:
    store = MemoryStore(ManualClock())
    assert isinstance(open_log(store), PostgresLog)
    assert isinstance(open_log(store, bootstrap="127.0.0.1:1"), KafkaLog)


async def test_a_property_nobody_knows_is_named_at_once() -> None:
    log = KafkaLog(KafkaAddress("127.0.0.1:1", properties={"ssl.nonsense": "1"}))
    with pytest.raises(LogMisconfigured, match="PENSTOCK_KAFKA_CONFIG"):
        await log.check()


def test_every_topic_of_the_model_stages_has_a_group_of_its_own() -> None:
    assert groups_of("llm-review") == {
        "penstock-llm-review-pr.review.requested": ("pr.review.requested",),
        "penstock-llm-review-files.review.requested": ("files.review.requested",),
    }
    ((group, topics),) = groups_of("orchestrator").items()
    assert group == "penstock-orchestrator"
    assert {"pr.received", "workflow.control", "comments.published"} < set(topics)


async def test_a_topic_nobody_made_is_named() -> None:
    with pytest.raises(LogMisconfigured, match=r"no\.such\.topic"):
        MemoryLog().consumer("group", ["no.such.topic"], lambda _: None)


class Broker:
    """Tells what one topic takes, and of the other what is said instead."""

    def __init__(self, code: int) -> None:
        self._code = code

    def describe_configs(self, resources: Sequence[ConfigResource]) -> Mapping[ConfigResource, Future[Any]]:
        told, untold = resources
        asked: dict[ConfigResource, Future[Any]] = {told: Future(), untold: Future()}
        asked[told].set_result({"max.message.bytes": ConfigEntry("max.message.bytes", "1000")})
        asked[untold].set_exception(KafkaException(KafkaError(self._code)))
        return asked


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART])
def test_a_topic_that_may_not_be_asked_about_has_no_limit_that_we_know(code: int) -> None:
    assert limits_of(["told", "untold"], Broker(code)) == {"told": 1_000}  # type: ignore[arg-type]


def test_what_topics_take_is_not_taken_for_known_while_brokers_are_away() -> None:
    with pytest.raises(KafkaException):
        limits_of(["told", "untold"], Broker(KafkaError._TRANSPORT))  # type: ignore[arg-type]
