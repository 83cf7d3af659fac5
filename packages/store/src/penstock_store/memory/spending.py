"""What models are asked and what it costs, in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time

from penstock_store.memory.entries import SpentCall
from penstock_store.memory.tables import Tables
from penstock_store.spending import Amount, Caps, ModelCall, Refusal, Reservation, RunSpending, Scope, Spent, refusal


class MemorySpending:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def reserve(self, call: ModelCall, amount: Amount, caps: Caps) -> Reservation | Refusal:
        with self._tables.transaction() as transaction:
            spent = {scope: self._spent(_within(scope, call, self._tables.now()), caps) for scope in caps.of}
            refused = refusal(spent, amount, caps)
            if refused is not None:
                return refused
            before = [known.number for known in self._tables.spending if _attempt(known.call) == _attempt(call)]
            reservation = Reservation(call, max(before, default=0) + 1, amount)
            transaction.put(self._tables.spending, reservation, SpentCall(reservation, self._tables.now()))
            return reservation

    async def settle(self, reservation: Reservation, tokens_in: int, tokens_out: int, cost: int) -> None:
        with self._tables.transaction() as transaction:
            known = self._tables.spending.get(reservation)
            if known is not None and known.settled is None:
                settled = replace(known, settled=Amount(tokens_in + tokens_out, cost))
                transaction.put(self._tables.spending, reservation, settled)

    async def of_run(self, run_id: str) -> RunSpending | None:
        return next((row for row in self._by_run() if row.run_id == run_id), None)

    async def runs(self, after: str = "", limit: int = 500) -> Sequence[RunSpending]:
        return [row for row in self._by_run() if row.run_id > after][:limit]

    def _spent(self, within: Callable[[SpentCall], bool], caps: Caps) -> Spent:
        total, pending, hopeless = Amount(), Amount(), self._tables.now() - caps.settles_within
        for known in filter(within, self._tables.spending.values()):
            total += known.spent
            if known.settled is None and known.reserved_at > hopeless:
                pending += known.spent
        return Spent(total, pending)

    def _by_run(self) -> Sequence[RunSpending]:
        self._tables.ask()
        found: dict[str, RunSpending] = {}
        for known in self._tables.spending.values():
            call = known.reservation.call
            row = found.get(call.run_id, RunSpending(call.run_id, call.stream, 0, 0, Amount()))
            found[call.run_id] = replace(
                row,
                calls=row.calls + 1,
                unsettled=row.unsettled + (known.settled is None),
                spent=row.spent + known.spent,
            )
        return [found[run_id] for run_id in sorted(found)]


def _within(scope: Scope, call: ModelCall, now: datetime) -> Callable[[SpentCall], bool]:
    midnight = datetime.combine(now.date(), time(), UTC)
    match scope:
        case Scope.RUN:
            return lambda known: known.reservation.call.run_id == call.run_id
        case Scope.STREAM:
            return lambda known: known.reservation.call.stream == call.stream
        case Scope.DAY:
            return lambda known: known.reserved_at >= midnight


def _attempt(call: ModelCall) -> tuple[str, str, str, int]:
    return (call.run_id, call.stage, call.part, call.attempt)
