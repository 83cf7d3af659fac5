"""Which consumer groups a service has, and what each of them hears, from the flow table."""

from collections.abc import Mapping

from penstock_contracts.flow import Topic, topics_heard_by

GROUP_PER_TOPIC = frozenset({"llm-review"})
"""Services whose topics must not wait for each other: a group, and so a loop, for each."""


def group_of(service: str, topic: Topic | None = None) -> str:
    return f"penstock-{service}" if topic is None else f"penstock-{service}-{topic.name}"


def groups_of(service: str) -> Mapping[str, tuple[str, ...]]:
    """The groups of a service and the topics each of them hears."""
    topics = topics_heard_by(service)
    if service in GROUP_PER_TOPIC:
        return {group_of(service, topic): (topic.name,) for topic in topics}
    return {group_of(service): tuple(topic.name for topic in topics)}
