import json
from dataclasses import replace
from typing import Any

import pytest

from penstock_changes.errors import CorruptFindings, InvalidFinding
from penstock_changes.findings import Severity, decode_findings, encode_findings
from tests.unit.penstock_changes.findings import finding


def test_findings_come_back_as_they_were_stored() -> None:
    findings = (finding(), finding("größe.py", 3, 9))
    assert decode_findings(encode_findings(findings)) == findings


def test_the_names_of_the_fields_are_those_that_others_rely_on() -> None:
    (stored,) = json.loads(encode_findings([finding()]))
    assert set(stored) == {
        "path", "start_line", "end_line", "side", "category", "severity", "rule", "title", "message",
        "suggestion", "confidence", "fingerprint", "source",
    }  # fmt: skip
    assert (stored["side"], stored["category"], stored["severity"]) == ("RIGHT", "bug", "high")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"{}", b"[{}]", b"\xff", b'[{"path": "\xff"}]', b"[" * 100_000,
        encode_findings([finding()]).replace(b'"start_line":1', b'"start_line":0'),
        encode_findings([finding()]).replace(b'"high"', b'"dreadful"'),
        encode_findings([finding()]).replace(b'"confidence":1.0', b'"confidence":7'),
    ],
)  # fmt: skip
def test_corrupt_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(CorruptFindings, match="cannot be read"):
        decode_findings(data)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"path": ""}, "path"),
        ({"start_line": 0}, "start_line"),
        ({"end_line": 0}, "end_line"),
        ({"confidence": float("nan")}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"message": "half \ud800"}, "message"),
    ],
)
def test_a_finding_that_cannot_be_is_refused_with_its_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidFinding) as refused:
        replace(finding(), **wrong)
    assert refused.value.field == field


def test_severities_are_ordered_from_the_worst() -> None:
    assert sorted(Severity, key=lambda severity: severity.rank)[0] is Severity.CRITICAL
    assert Severity.HIGH.at_least(Severity.MEDIUM)
    assert Severity.HIGH.at_least(Severity.HIGH)
    assert not Severity.LOW.at_least(Severity.MEDIUM)
