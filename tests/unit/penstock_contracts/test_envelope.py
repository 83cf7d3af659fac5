from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_contracts.envelope import LONGEST_NAME, LONGEST_WORDS, Envelope, from_headers, to_headers
from penstock_contracts.errors import BadEnvelope
from tests.unit.penstock_contracts.strategies import any_envelope

ENVELOPE = Envelope(
    id="e-1",
    type="ast.requested",
    source="penstock/orchestrator",
    time=datetime(2026, 3, 17, 9, 41, 7, 250_000, tzinfo=UTC),
    stream="github:github.com:17:7",
    subject="github:owner/repo#7",
    workflow_id="r-1",
    epoch=3,
    stage="ast",
    attempt=1,
    causation_id="c-1",
    correlation_id="c-0",
    not_after=datetime(2026, 3, 17, 10, 41, 7, tzinfo=UTC),
    sequence=12,
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    tracestate="vendor=1",
)


def test_an_envelope_is_cloudevents_in_kafkas_binary_mode() -> None:
    assert dict(to_headers(ENVELOPE)) == {
        "ce_specversion": b"1.0",
        "content-type": b"application/vnd.confluent.avro",
        "ce_id": b"e-1",
        "ce_type": b"ast.requested",
        "ce_source": b"penstock/orchestrator",
        "ce_time": b"2026-03-17T09:41:07.250000Z",
        "ce_stream": b"github:github.com:17:7",
        "ce_subject": b"github:owner/repo#7",
        "ce_workflowid": b"r-1",
        "ce_epoch": b"3",
        "ce_stage": b"ast",
        "ce_attempt": b"1",
        "ce_causationid": b"c-1",
        "ce_correlationid": b"c-0",
        "ce_sequence": b"12",
        "not_after": b"2026-03-17T10:41:07.000000Z",
        "traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate": b"vendor=1",
    }


@given(any_envelope())
def test_any_envelope_comes_back_as_it_was(envelope: Envelope) -> None:
    assert from_headers(to_headers(envelope)) == envelope


@given(st.dictionaries(st.text().map("x-{}".format), st.none() | st.binary()))
def test_headers_with_unknown_names_are_ignored(unknown: dict[str, bytes | None]) -> None:
    assert from_headers([*unknown.items(), *to_headers(ENVELOPE)]) == ENVELOPE


def test_the_case_of_a_headers_name_does_not_matter() -> None:
    assert from_headers([(name.upper(), value) for name, value in to_headers(ENVELOPE)]) == ENVELOPE


@pytest.mark.parametrize(
    "subject", ["gitea:größe/überblick#7", "gitlab:組織/倉庫#1", "forgejo:a/🚰#2", "x:a\u00a0b/c#1"]
)
def test_a_subject_may_be_of_any_script(subject: str) -> None:
    named = replace(ENVELOPE, subject=subject)

    assert from_headers(to_headers(named)) == named
    assert dict(to_headers(named))["ce_subject"] == subject.encode("utf-8")


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x85"])
def test_control_characters_are_refused_on_both_sides(character: str) -> None:
    subject = f"github:owner/re{character}po#7"

    with pytest.raises(BadEnvelope, match="ce_subject holds a control character"):
        to_headers(replace(ENVELOPE, subject=subject))
    with pytest.raises(BadEnvelope, match="ce_subject holds a control character"):
        from_headers([*to_headers(ENVELOPE), ("ce_subject", subject.encode())])


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(BadEnvelope, match="half a surrogate pair"):
        to_headers(replace(ENVELOPE, subject="github:owner/\ud800#7"))


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_source", "ce_stream", "ce_time"])
def test_a_required_header_that_is_missing_is_named(name: str) -> None:
    rest = [(header, value) for header, value in to_headers(ENVELOPE) if header != name]

    with pytest.raises(BadEnvelope, match=f"missing: {name.removeprefix('ce_')}"):
        from_headers(rest)


@pytest.mark.parametrize("field", ["id", "type", "source", "stream"])
def test_a_required_field_that_is_empty_is_not_written(field: str) -> None:
    with pytest.raises(BadEnvelope, match=f"ce_{field} is empty"):
        to_headers(replace(ENVELOPE, **{field: ""}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "longest"),
    [
        ("id", LONGEST_NAME),
        ("type", LONGEST_NAME),
        ("source", LONGEST_NAME),
        ("stream", LONGEST_NAME),
        ("subject", LONGEST_WORDS),
        ("workflow_id", LONGEST_NAME),
        ("stage", LONGEST_NAME),
        ("part", LONGEST_NAME),
        ("causation_id", LONGEST_NAME),
        ("correlation_id", LONGEST_NAME),
        ("traceparent", LONGEST_NAME),
        ("tracestate", LONGEST_WORDS),
    ],
)
def test_no_text_is_longer_than_every_index_takes_on_both_sides(field: str, longest: int) -> None:
    as_long_as_it_may = replace(ENVELOPE, **{field: "ß" * (longest // 2)})  # type: ignore[arg-type]
    assert from_headers(to_headers(as_long_as_it_may)) == as_long_as_it_may

    with pytest.raises(BadEnvelope, match=f"is {longest + 1} bytes long, {longest} are allowed"):
        to_headers(replace(ENVELOPE, **{field: "x" * (longest + 1)}))  # type: ignore[arg-type]
    (header,) = [name for name, value in to_headers(as_long_as_it_may) if value.startswith("ß".encode())]
    with pytest.raises(BadEnvelope, match=f"{header} is 100000 bytes long"):
        from_headers([*to_headers(ENVELOPE), (header, b"x" * 100_000)])


@pytest.mark.parametrize("version", [None, b"0.3", b"2.0", b"\xff"])
def test_another_version_of_cloudevents_is_refused(version: bytes | None) -> None:
    with pytest.raises(BadEnvelope, match=r"ce_specversion is not 1\.0"):
        from_headers([*to_headers(ENVELOPE)[1:], ("ce_specversion", version)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_epoch", b"three"),
        ("ce_attempt", b"-1"),
        ("ce_sequence", b"9223372036854775808"),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-03-17T09:41:07"),
        ("not_after", b"0001-01-01T00:00:00+14:00"),
        ("ce_subject", b"\xff"),
    ],
)
def test_a_header_that_does_not_parse_is_refused(name: str, value: bytes) -> None:
    with pytest.raises(BadEnvelope, match="does not parse"):
        from_headers([*to_headers(ENVELOPE), (name, value)])


def test_times_are_written_in_universal_time_and_never_without_a_zone() -> None:
    berlin = ENVELOPE.time.astimezone(timezone(timedelta(hours=1)))

    assert to_headers(replace(ENVELOPE, time=berlin)) == to_headers(ENVELOPE)
    with pytest.raises(BadEnvelope, match="ce_time has no zone"):
        to_headers(replace(ENVELOPE, time=berlin.replace(tzinfo=None)))
