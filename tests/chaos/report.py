"""What a campaign prints: what was done to whom at which step, what was counted, and whether each invariant held."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.faults import Struck
from tests.chaos.plan import Kind, Plan
from tests.chaos.verdict import Verdict

INVARIANTS: Mapping[str, str] = {
    "N1": "every webhook ends",
    "N2": "nothing is said twice",
    "N3": "nothing is said of a superseded head",
    "N4": "refold is the stored state",
    "N5": "sequences are whole",
    "N6": "outbox and topics agree",
    "N7": "every join fires once",
    "N8": "doubled records change nothing",
    "N9": "no position is beyond unfinished work",
    "N10": "model spend stays in its budget",
    "N11": "no secret leaks",
    "N12": "a dead letter is visible",
}


@dataclass(frozen=True, slots=True)
class Report:
    plan: Plan
    seconds: float
    made: Sequence[Struck]
    verdicts: Sequence[Verdict]
    counted: Mapping[str, object] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        return all(verdict.held for verdict in self.verdicts)

    def text(self) -> str:
        twice = ", every record twice" if self.plan.twice else ""
        brokers = f"{self.plan.brokers} broker{'s' if self.plan.brokers > 1 else ''}"
        head = (
            f"chaos: {self.plan.pull_requests} pull requests, {len(self.made)} faults{twice}, {brokers}, "
            f"{self.seconds:.0f} s, seed {self.plan.seed}"
        )
        parts = ([head], self._kinds(), self._points(), self._counts(), self._checks(), self._invariants())
        return "\n\n".join("\n".join(part) for part in parts)

    def _kinds(self) -> Iterator[str]:
        made, lasted = Counter(each.kind for each in self.made), Counter[Kind]()
        for each in self.made:
            lasted[each.kind] += round(each.seconds)
        for kind in Kind:
            if made[kind]:
                lasting = f"   {lasted[kind]} s in all" if lasted[kind] else ""
                yield f"{kind:24}{made[kind]:>6}{lasting}"
        yield f"{'all':24}{len(self.made):>6}"

    def _points(self) -> Iterator[str]:
        """Each kind and victim in one line, with the points at which it was hit; `!` where something was in hand."""
        hit: dict[tuple[Kind, str], Counter[str]] = defaultdict(Counter)
        for each in self.made:
            hit[each.kind, each.victim][f"{each.point}{'!' if each.holding else ''}"] += 1
        for kind in Kind:
            for _, victim in sorted(key for key in hit if key[0] is kind):
                points = hit[kind, victim]
                told = ", ".join(f"{point} {count}" for point, count in sorted(points.items()) if point)
                yield f"{kind:24}{victim:16}{points.total():>4}  {told}".rstrip()

    def _counts(self) -> Iterator[str]:
        for name, value in self.counted.items():
            yield f"{name}: {value}"

    def _checks(self) -> Iterator[str]:
        width = max(len(verdict.invariant) for verdict in self.verdicts)
        for verdict in sorted(self.verdicts, key=lambda each: int(each.number[1:] or 99)):
            yield f"{verdict.word:6}  {verdict.invariant:{width}}  {verdict.found}"

    def _invariants(self) -> Iterator[str]:
        for number, what in INVARIANTS.items():
            mine = [verdict for verdict in self.verdicts if verdict.number == number]
            looked = [verdict for verdict in mine if verdict.looked]
            word = "--" if not looked else "OK" if all(verdict.held for verdict in looked) else "FAILED"
            why = "" if looked else next((verdict.found for verdict in mine), "not looked at")
            yield f"{word:6}  {number:4}{what:42}{f'{len(looked)} checks' if looked else why}"
        failed = sum(not verdict.held for verdict in self.verdicts)
        yield ""
        yield "all invariants held" if not failed else f"{failed} CHECKS DID NOT HOLD"
