"""The judgement of what the model was asked: all of it was booked before, and no review took more than it may."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import httpx
import psycopg

from tests.chaos.load import PullRequest
from tests.chaos.verdict import Verdict, none_of

REVIEW_TOKENS = 150_000
"""What one review may take. A call that nobody settled counts with all that was reserved for it."""
_BOOKED = """
select coalesce(j.subject, s.stream), s.run_id,
  sum(case when s.settled_at is null then s.reserved_tokens else s.tokens_in + s.tokens_out end)
from workflow.model_spending s left join workflow.workflow_jobs j on j.id = s.run_id group by 1, 2
"""


@dataclass(frozen=True, slots=True)
class Spending:
    answered: Mapping[str, int]
    """Tokens by the number of a pull request in this campaign, counted by the model itself."""
    booked: Sequence[tuple[str, str, int]]
    """Pull request, run, tokens."""
    calls: Sequence[str] = ()
    """As they stand in the books, one a line."""
    asked: Sequence[str] = ()
    """All that the model was sent."""


def look(model_url: str, database_url: str) -> Spending:
    answered = httpx.get(f"{model_url}/spent", timeout=10, trust_env=False).json()
    with psycopg.connect(database_url) as connection:
        calls = connection.execute("select * from workflow.model_spending order by reserved_at").fetchall()
    asked = httpx.get(f"{model_url}/heard", timeout=60, trust_env=False).json()
    return Spending(answered, booked(database_url), [str(call) for call in calls], asked)


def booked(database_url: str) -> Sequence[tuple[str, str, int]]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_BOOKED).fetchall()
    return [(str(subject), str(run), int(tokens)) for subject, run, tokens in rows]


def judge(spending: Spending, pulls: Sequence[PullRequest]) -> list[Verdict]:
    total = sum(spending.answered.values())
    return [
        none_of(
            "N10 no review takes more than its budget",
            (f"{subject} {run} {tokens}" for subject, run, tokens in spending.booked if tokens > REVIEW_TOKENS),
            f"{len(spending.booked)} runs, {REVIEW_TOKENS} tokens each",
        ),
        none_of("N10 nothing is asked that was not booked", _unbooked(spending, pulls), f"{total} tokens answered"),
    ]


def _unbooked(spending: Spending, pulls: Sequence[PullRequest]) -> Iterator[str]:
    total = Counter[str]()
    for subject, _, tokens in spending.booked:
        total[subject.partition(":")[2]] += tokens
    for pull in pulls:
        answered = spending.answered.get(str(pull.index), 0)
        if answered > total[pull.name]:
            yield f"{pull.name}: {answered} answered, {total[pull.name]} booked"
