"""What a campaign prints: which step each kill hit, what was counted, and one line for each invariant."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.killer import Kill
from tests.chaos.plan import Plan
from tests.chaos.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Report:
    plan: Plan
    seconds: float
    kills: Sequence[Kill]
    verdicts: Sequence[Verdict]
    counted: Mapping[str, object] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        return all(verdict.held for verdict in self.verdicts)

    @property
    def while_held(self) -> int:
        return sum(kill.holding for kill in self.kills)

    def text(self) -> str:
        twice = ", every record twice" if self.plan.twice else ""
        head = (
            f"chaos: {self.plan.pull_requests} pull requests, {len(self.kills)} kills with -9 "
            f"({self.while_held} while something was in hand){twice}, {self.seconds:.0f} s, seed {self.plan.seed}"
        )
        return "\n".join([head, "", *self._steps(), "", *self._counts(), "", *self._invariants()])

    def _steps(self) -> Iterator[str]:
        hit: dict[str, Counter[str]] = defaultdict(Counter)
        holding = Counter((kill.victim, kill.step) for kill in self.kills if kill.holding)
        for kill in self.kills:
            hit[kill.victim][kill.step] += 1
        yield f"{'process':14}{'last step':28}{'kills':>6}{'in hand':>9}"
        for victim in sorted(hit):
            for step, count in sorted(hit[victim].items()):
                yield f"{victim:14}{step:28}{count:>6}{holding[victim, step]:>9}"
        yield f"{'all':42}{len(self.kills):>6}{self.while_held:>9}"

    def _counts(self) -> Iterator[str]:
        for name, value in self.counted.items():
            yield f"{name}: {value}"

    def _invariants(self) -> Iterator[str]:
        width = max(len(verdict.invariant) for verdict in self.verdicts)
        for verdict in self.verdicts:
            yield f"{'OK    ' if verdict.held else 'FAILED'}  {verdict.invariant:{width}}  {verdict.found}"
        failed = sum(not verdict.held for verdict in self.verdicts)
        yield ""
        yield "all invariants held" if not failed else f"{failed} INVARIANTS DID NOT HOLD"
