"""What is printed of a campaign."""

from datetime import UTC, datetime

from tests.chaos.faults import Struck
from tests.chaos.plan import Kind, Plan
from tests.chaos.report import INVARIANTS, Report
from tests.chaos.verdict import Verdict

NOW = datetime(2030, 1, 1, tzinfo=UTC)
MADE = (
    Struck(Kind.KILL, "ast", NOW, "loop.2.decoded", held=1),
    Struck(Kind.KILL, "ast", NOW, "loop.6.committed"),
    Struck(Kind.DROP, "to forge", NOW, "", seconds=4.0),
)


def told(*verdicts: Verdict) -> list[str]:
    return Report(Plan(1, 3, 1, 10, 20), 12.0, MADE, verdicts).text().splitlines()


def test_faults_are_counted_by_kind_and_by_the_point_they_hit() -> None:
    lines = told(Verdict("N1 all ends", True, ""))
    assert "kill -9                      2" in lines
    assert "network drops                1   4 s in all" in lines
    assert "kill -9                 ast                2  loop.2.decoded! 1, loop.6.committed 1" in lines


def test_every_invariant_has_a_line_and_what_was_not_looked_at_says_so() -> None:
    lines = told(Verdict("N1 all ends", True, ""), Verdict("N8 doubles", True, "not doubled", looked=False))
    assert [line.split()[1] for line in lines if line.split()[1:2] and line.split()[1] in INVARIANTS][-12:] == [
        *INVARIANTS
    ]
    assert "OK      N1  every webhook ends                        1 checks" in lines
    assert "--      N8  doubled records change nothing            not doubled" in lines
    assert "--      N3  nothing is said of a superseded head      not looked at" in lines
    assert lines[-1] == "all invariants held"


def test_one_check_that_fails_breaks_its_invariant_and_the_campaign() -> None:
    lines = told(Verdict("N1 all ends", True, ""), Verdict("N1 all is final", False, "one is not"))
    assert "FAILED  N1  every webhook ends                        2 checks" in lines
    assert lines[-1] == "1 CHECKS DID NOT HOLD"
