"""Whose turn it is (J7): where the number of reviews under way is limited, runs wait and begin in a fair order.

A run that waits has a timer for its first reading of the pull request, far in the future. Its turn is that this timer
fires now: decide looks, as ever, whether it still stands. One process at a time gives turns, under a lease; where
nothing is limited any more, all who still wait are given theirs.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock_eventlog.housekeeping import Piece
from penstock_eventlog.timers import CONSUMER, fired
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.project import REDRIVE, RESUMING
from penstock_orchestrator.rules import Limits
from penstock_orchestrator.state import TimerKind
from penstock_store.ports import Store
from penstock_store.rows import Pending, UnderWay

ADMISSION = "admission"
EVERY = 0.5
AT_ONCE = 50
"""Turns given in one piece, all to one repository at most."""


def waits_for_its_turn(one: Pending, now: datetime, debounce: timedelta) -> bool:
    """Not one that merely waits until pushes have come to an end. Pure."""
    timer = one.timer
    return timer.kind == TimerKind.ATTEMPT and timer.attempt == 1 and timer.due - now > debounce


def chosen(waiting: Iterable[Pending], under_way: Iterable[UnderWay], limits: Limits, most: int) -> Sequence[Pending]:
    """In turns: of the organisation with the fewest under way, of its repository with the fewest, the oldest. What is
    paused or stalled takes nobody's place. Pure."""
    lines: dict[tuple[str, str], deque[Pending]] = {}
    for one in waiting:
        lines.setdefault((one.organisation, one.repository), deque()).append(one)
    organisations, repositories = Counter[str](), Counter[tuple[str, str]]()
    for standing in under_way:
        if standing.waiting_for != RESUMING and not standing.waiting_for.startswith(REDRIVE):
            organisations[standing.organisation] += standing.runs
            repositories[standing.organisation, standing.repository] += standing.runs
    found: list[Pending] = []
    while len(found) < most:
        free = [
            line
            for line in lines
            if _room(limits.organisation, organisations[line[0]]) and _room(limits.repository, repositories[line])
        ]
        if not free:
            break
        line = min(free, key=lambda each: (organisations[each[0]], repositories[each]))
        found.append(lines[line].popleft())
        organisations[line[0]] += 1
        repositories[line] += 1
        if not lines[line]:
            del lines[line]
    return found


def _room(limit: int, number: int) -> bool:
    return not limit or number < limit


@dataclass(frozen=True, slots=True)
class Admission:
    """A Chore."""

    store: Store
    fold: OrchestratorFold
    limits: Limits
    debounce: timedelta
    name: str = ADMISSION

    async def piece(self) -> Piece:
        pending = await self.store.jobs.pending(AT_ONCE)
        if not pending:
            return Piece(0, more=False)
        now = await self.store.now()
        waiting = [one for one in pending if waits_for_its_turn(one, now, self.debounce)]
        turns = chosen(waiting, await self.store.jobs.under_way(), self.limits, AT_ONCE)
        if turns:
            await self.store.streams.apply(CONSUMER, [fired(one.timer) for one in turns], self.fold)
        return Piece(len(turns), more=len(turns) == AT_ONCE)
