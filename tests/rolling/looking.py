"""Who looks at the console all the time, and gets an answer whenever it is not just being replaced."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from penstock_console.views import Counts, History, JobPage, JobWithStages
from tests.chaos.verdict import Verdict, none_of

_LOOK, _PATIENCE = 0.3, 30.0
_View = TypeVar("_View", bound=BaseModel)


@dataclass(slots=True)
class Looking:
    client: httpx.AsyncClient
    _turn: int = 0
    """Odd while the console is being replaced."""
    _answered: Counter[int] = field(default_factory=Counter)
    _wrong: list[str] = field(default_factory=list)

    @contextmanager
    def while_replaced(self) -> Iterator[None]:
        self._turn += 1
        try:
            yield
        finally:
            self._turn += 1

    @asynccontextmanager
    async def at_it(self) -> AsyncIterator[None]:
        looking = asyncio.create_task(self._keep_looking())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    def verdicts(self) -> list[Verdict]:
        turns = range(0, self._turn + 1, 2)
        found = f"{self._answered.total()} looks at the jobs, one of them and the metrics"
        return [
            none_of("the console answers whenever it is not being replaced", self._wrong, found),
            none_of(
                "the console was looked at between all of its replacements",
                (f"turn {turn}" for turn in turns if not self._answered[turn]),
                f"{len(turns)} turns",
            ),
        ]

    async def _keep_looking(self) -> None:
        while True:
            turn = self._turn
            try:
                await self._look()
            except (httpx.HTTPError, ValidationError) as error:
                if turn == self._turn and turn % 2 == 0:
                    self._wrong.append(f"{type(error).__name__} {error}")
            else:
                self._answered[turn] += 1
            await asyncio.sleep(_LOOK)

    async def _look(self) -> None:
        page = await self._told("jobs", JobPage)
        await self._told("metrics", Counts)
        for job in page.jobs[:1]:
            await self._told(f"jobs/{job.id}", JobWithStages)
            await self._told(f"jobs/{job.id}/history", History)

    async def _told(self, path: str, view: type[_View]) -> _View:
        answer = await self.client.get(f"/workflow-queue/{path}", timeout=_PATIENCE)
        return view.model_validate_json(answer.raise_for_status().content)
