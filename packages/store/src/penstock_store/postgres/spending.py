"""What models are asked and what it costs, on PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from penstock_store.postgres.database import Connection, Database
from penstock_store.spending import Amount, Caps, ModelCall, Refusal, Reservation, RunSpending, Scope, Spent, refusal

# A lock for each pull request, and one for the day: whoever reserves sees all that others have reserved before. Always
# in this order, so that nobody waits for each other.
_LOCK = "select pg_advisory_xact_lock(hashtextextended(%s, 7365746122))"
_TOKENS: LiteralString = "(case when settled_at is null then reserved_tokens else tokens_in + tokens_out end)"
_COST: LiteralString = "(case when settled_at is null then reserved_cost else cost end)"
_PENDING: LiteralString = "filter (where settled_at is null and reserved_at > clock_timestamp() - %(settles_within)s)"
_SPENT: LiteralString = f"""
select coalesce(sum({_TOKENS}), 0)::bigint, coalesce(sum({_COST}), 0)::bigint,
  coalesce(sum(reserved_tokens) {_PENDING}, 0)::bigint, coalesce(sum(reserved_cost) {_PENDING}, 0)::bigint
from workflow.model_spending where
"""
_WITHIN: Mapping[Scope, LiteralString] = {
    Scope.RUN: "run_id = %(run_id)s",
    Scope.STREAM: "stream = %(stream)s",
    Scope.DAY: "reserved_at >= date_trunc('day', clock_timestamp(), 'UTC')",
}
_CALL: LiteralString = "run_id = %(run_id)s and stage = %(stage)s and part = %(part)s and attempt = %(attempt)s"
_RESERVE: LiteralString = f"""
insert into workflow.model_spending (run_id, stage, part, attempt, number, stream, model, reserved_tokens,
  reserved_cost)
select %(run_id)s, %(stage)s, %(part)s, %(attempt)s, coalesce(max(number), 0) + 1, %(stream)s, %(model)s, %(tokens)s,
  %(cost)s
from workflow.model_spending where {_CALL}
returning number
"""
_SETTLE: LiteralString = f"""
update workflow.model_spending set tokens_in = %(tokens_in)s, tokens_out = %(tokens_out)s, cost = %(cost)s,
  settled_at = clock_timestamp()
where {_CALL} and number = %(number)s and settled_at is null
"""
_RUNS: LiteralString = f"""
select run_id, min(stream), count(*), count(*) filter (where settled_at is null), sum({_TOKENS})::bigint,
  sum({_COST})::bigint
from workflow.model_spending where run_id > %s group by run_id order by run_id limit %s
"""
_OF_RUN: LiteralString = _RUNS.replace("run_id > %s", "run_id = %s")


class PostgresSpending:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, call: ModelCall, amount: Amount, caps: Caps) -> Reservation | Refusal:
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, (f"stream:{call.stream}",))
            if Scope.DAY in caps.of:
                await connection.execute(_LOCK, ("day",))
            spent = {scope: await _spent(connection, scope, call, caps) for scope in caps.of}
            refused = refusal(spent, amount, caps)
            if refused is not None:
                return refused
            values = _values(call) | {"tokens": amount.tokens, "cost": amount.cost}
            (number,) = await (await connection.execute(_RESERVE, values)).fetchone() or (0,)
        return Reservation(call, number, amount)

    async def settle(self, reservation: Reservation, tokens_in: int, tokens_out: int, cost: int) -> None:
        values = _values(reservation.call) | {
            "number": reservation.number,
            "tokens_in": tokens_in,
            "tokens_out": tokens_out,
            "cost": cost,
        }
        async with self._database.connection() as connection:
            await connection.execute(_SETTLE, values)

    async def of_run(self, run_id: str) -> RunSpending | None:
        rows = await self._database.tuples(_OF_RUN, (run_id, 1))
        return _run(*rows[0]) if rows else None

    async def runs(self, after: str = "", limit: int = 500) -> Sequence[RunSpending]:
        return [_run(*row) for row in await self._database.tuples(_RUNS, (after, limit))]


async def _spent(connection: Connection, scope: Scope, call: ModelCall, caps: Caps) -> Spent:
    values = _values(call) | {"settles_within": caps.settles_within}
    row = await (await connection.execute(_SPENT + _WITHIN[scope], values)).fetchone() or (0, 0, 0, 0)
    return Spent(Amount(row[0], row[1]), Amount(row[2], row[3]))


def _values(call: ModelCall) -> dict[str, Any]:
    return {
        "run_id": call.run_id,
        "stage": call.stage,
        "part": call.part,
        "attempt": call.attempt,
        "stream": call.stream,
        "model": call.model,
    }


def _run(*row: Any) -> RunSpending:
    run_id, stream, calls, unsettled, tokens, cost = row
    return RunSpending(run_id, stream, calls, unsettled, Amount(tokens, cost))
