"""What people ask of runs through the console. Each wish has a key of its own, so that asking again asks for nothing
more: who gets no answer asks again, or drops it; who is refused drops it."""

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx

_SECONDS = 5.0
_LOOK = 0.3
_REFUSED = 409


@dataclass(slots=True)
class Wishes:
    """One desk for everybody. `until` is the moment at which people go home, whatever was answered."""

    client: httpx.AsyncClient
    until: float
    taken: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By key: the ids of the events which each answer named, which is one."""
    told: Counter[str] = field(default_factory=Counter)

    @classmethod
    def at(cls, url: str, token: str, seconds: float) -> "Wishes":
        headers = {"authorization": f"Bearer {token}"}
        client = httpx.AsyncClient(base_url=url, headers=headers, timeout=_SECONDS, trust_env=False)
        return cls(client, time.monotonic() + seconds)

    async def open_run(self, stream: str) -> str | None:
        """The newest that is not over; None when all are. Waits for the first one."""
        while time.monotonic() < self.until:
            runs = await self._runs(stream)
            if runs:
                return next((str(run["id"]) for run in runs if run["finished_at"] is None), None)
            await asyncio.sleep(_LOOK)
        return None

    async def until_it_waits(self, stream: str, run: str, waiting_for: str) -> None:
        """Or is over."""
        while time.monotonic() < self.until:
            found = next((each for each in await self._runs(stream) if each["id"] == run), None)
            if found is not None and (found["finished_at"] is not None or found["waiting_for"] == waiting_for):
                return
            await asyncio.sleep(_LOOK)

    async def ask(self, run: str, action: str, key: str, tries: float = float("inf")) -> bool:
        """Whether it was taken. Not, when it was refused, or dropped after so many questions without an answer."""
        asked = 0
        while asked < tries and time.monotonic() < self.until:
            asked += 1
            answer = await self._answer("POST", f"jobs/{run}/{action}", headers={"idempotency-key": key})
            if answer is None:
                self.told[f"{action} unanswered"] += 1
                await asyncio.sleep(_LOOK)
            elif answer.status_code == _REFUSED:
                self.told[f"{action} refused"] += 1
                return False
            else:
                self.taken[key].add(str(answer.raise_for_status().json()["event_id"]))
                self.told[f"{action} taken"] += 1
                return True
        return False

    async def _runs(self, stream: str) -> list[dict[str, Any]]:
        answer = await self._answer("GET", "jobs", params={"stream": stream, "limit": "200"})
        jobs = [] if answer is None else answer.raise_for_status().json()["jobs"]
        return [job for job in jobs if job["parent_id"] is None]

    async def _answer(self, method: str, path: str, **given: Any) -> httpx.Response | None:
        """None when there is none, or one that says to come again."""
        try:
            answer = await self.client.request(method, f"/workflow-queue/{path}", **given)
        except httpx.TransportError:
            return None
        return None if answer.is_server_error else answer
