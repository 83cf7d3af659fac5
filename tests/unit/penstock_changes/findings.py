"""Findings for these tests."""

from penstock_changes.findings import Category, Finding, Severity
from penstock_changes.model import Side


def finding(
    path: str = "app.py",
    start: int = 1,
    end: int | None = None,
    *,
    rule: str = "bug/off-by-one",
    side: Side = Side.RIGHT,
) -> Finding:
    return Finding(
        path=path,
        start_line=start,
        end_line=end or start,
        category=Category.BUG,
        severity=Severity.HIGH,
        rule=rule,
        title="One too many",
        message="The loop ends one too late.",
        source="rules",
        side=side,
    )
