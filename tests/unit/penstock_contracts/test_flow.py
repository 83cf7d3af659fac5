from collections import Counter

import pytest

from penstock_contracts.enums import Stage
from penstock_contracts.examples import examples
from penstock_contracts.facts import (
    ANSWERS,
    CONTROLS,
    FACTS,
    REQUESTS,
    DeadLettered,
    PrReceived,
    RepairRequested,
    TimerFired,
)
from penstock_contracts.flow import (
    DLQ_TOPIC,
    EVENTS_TOPIC,
    STAGES,
    TOPIC_BY_NAME,
    TOPIC_OF_TYPE,
    TOPICS,
    Key,
    Topic,
    topics_heard_by,
)
from penstock_contracts.routing import events_route, route

OWN_TOPICS = [topic for topic in TOPICS if topic.name != EVENTS_TOPIC]


def test_every_fact_but_the_inner_ones_has_one_topic_of_its_own() -> None:
    counted = Counter(fact for topic in OWN_TOPICS for fact in topic.types)

    assert counted == Counter([PrReceived, *CONTROLS, *REQUESTS, *ANSWERS, DeadLettered])


def test_every_stored_fact_travels_among_all_events() -> None:
    assert set(TOPIC_BY_NAME[EVENTS_TOPIC].types) == set(FACTS) - {TimerFired, DeadLettered}


def test_a_topic_is_named_after_the_first_of_its_types_but_for_dead_letters() -> None:
    assert {topic.types[0].TYPE for topic in OWN_TOPICS if topic.name != DLQ_TOPIC} == {
        topic.name for topic in OWN_TOPICS if topic.name != DLQ_TOPIC
    }
    assert {fact for topic in OWN_TOPICS for fact in topic.types[1:]} == {RepairRequested}


@pytest.mark.parametrize("stage", Stage)
def test_a_stage_is_asked_by_the_orchestrator_and_answered_by_its_service(stage: Stage) -> None:
    row = STAGES[stage]
    asked, answered = TOPIC_OF_TYPE[row.request.TYPE], TOPIC_OF_TYPE[row.answer.TYPE]

    assert asked.said_by == answered.heard_by == ("orchestrator",)
    assert asked.heard_by == answered.said_by == (row.service,)
    assert answered.key is Key.STREAM


@pytest.mark.parametrize("topic", OWN_TOPICS, ids=lambda topic: topic.name)
def test_who_hears_a_topic_is_found_by_name(topic: Topic) -> None:
    assert all(topic in topics_heard_by(service) for service in topic.heard_by)


def test_facts_are_past_tense_or_requested_and_named_once() -> None:
    names = [fact.TYPE for fact in FACTS]
    endings = ("ed", "_up", "opened", "grown")

    assert len(set(names)) == len(names)
    assert [name for name in names if not name.endswith(endings)] == ["workflow.control"]
    assert all(fact.TYPE.endswith(".requested") for fact in REQUESTS)


@pytest.mark.parametrize("event", examples(), ids=lambda event: event.fact.TYPE)
def test_all_that_travels_among_the_events_of_a_stream_has_the_streams_key(event: object) -> None:
    envelope = event.envelope  # type: ignore[attr-defined]

    assert events_route(envelope).key == envelope.stream
    if envelope.type in TOPIC_OF_TYPE:
        way = route(envelope)
        expected = (
            envelope.workflow_id if TOPIC_OF_TYPE[envelope.type].key in {Key.RUN, Key.SPREAD} else envelope.stream
        )
        assert (way.topic, way.key) == (TOPIC_OF_TYPE[envelope.type].name, expected)
