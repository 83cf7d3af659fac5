"""Deterministic ids: uuid5 over what makes a thing unique. Never time, offsets or randomness, so doing a thing twice
gives the same id twice and the second one is recognised."""

from hashlib import sha1
from uuid import UUID

from penstock_contracts.enums import Stage
from penstock_contracts.facts import PrReceived, PullRequestRef

NAMESPACE = UUID("6f9a2b0e-53a4-5d0b-9a5e-70656e73746f")
SEPARATOR = "\x1f"
_BEGUN = sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANTS = "89ab"


def deterministic_id(*parts: str) -> str:
    """`str(uuid5(NAMESPACE, name))`, which takes five times as long; each applied event has about ten ids."""
    begun = _BEGUN.copy()
    begun.update(SEPARATOR.join(parts).encode())
    text = begun.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANTS[int(text[16], 16) % 4]}{text[17:20]}-{text[20:32]}"


def stream_of(ref: PullRequestRef | PrReceived) -> str:
    """The stream key: the repository's own id, because names change."""
    return f"{ref.platform}:{ref.instance}:{ref.repository_id}:{ref.number}"


def subject_of(ref: PullRequestRef | PrReceived) -> str:
    return f"{ref.platform}:{ref.repository}#{ref.number}"


def ref_of(stream: str, subject: str) -> PullRequestRef | None:
    """The way back, from a stream and its subject. None: they are not of a pull request."""
    platform, _, rest = stream.partition(":")
    rest, _, number = rest.rpartition(":")
    instance, _, repository_id = rest.rpartition(":")
    repository = subject.removeprefix(f"{platform}:").rpartition("#")[0]
    if not (instance and repository_id and repository and number.isdecimal()):
        return None
    return PullRequestRef(platform, instance, repository_id, repository, int(number))


def delivery_event_id(instance: str, delivery_id: str) -> str:
    """The id of a pr.received that a platform delivered."""
    return deterministic_id("pr.received", instance, delivery_id)


def received_event_id(fact: PrReceived) -> str:
    """A comment is one, though hooks of the repository and its organisation each deliver it under an id of theirs."""
    if fact.comment_id:
        return deterministic_id("comment", stream_of(fact), fact.comment_id)
    return delivery_event_id(fact.instance, fact.delivery_id)


def discovered_event_id(stream: str, head: str, epoch: int) -> str:
    """The id of a pr.received that the reconciler or the poller found."""
    return deterministic_id("discovered", stream, head, str(epoch))


def run_id(stream: str, cause_id: str) -> str:
    return deterministic_id("run", stream, cause_id)


def request_id(run: str, stage: Stage, part: str, attempt: int) -> str:
    return deterministic_id("request", run, stage, part, str(attempt))


def answer_id(run: str, stage: Stage, part: str, attempt: int) -> str:
    """One answer per attempt, whatever its type: the first wins."""
    return deterministic_id("answer", run, stage, part, str(attempt))


def inner_id(cause_id: str, index: int) -> str:
    """The id of the n-th fact that one event led to."""
    return deterministic_id("inner", cause_id, str(index))
