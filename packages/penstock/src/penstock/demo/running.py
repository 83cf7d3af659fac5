"""Runs the forge and Penstock in one loop, opens the example pull request, and tells when it was reviewed."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from penstock.alone.bootstrap import builds
from penstock.demo import example
from penstock.demo.telling import Told, tell
from penstock_console.settings import ConsoleSettings
from penstock_console.views import History, Job, JobPage
from penstock_ingest.settings import IngestSettings
from penstock_platforms.forge.hooks import Hook
from penstock_platforms.forge.model import Comment, Pull, Repository, Review, ReviewComment, Status
from penstock_platforms.forge.server import TOKEN, Forge
from penstock_runtime.process import Context, Service
from penstock_runtime.service import run_together
from penstock_runtime.settings import load

PATIENCE = 60.0
_LOOK = 0.1


async def run_demo(folder: Path, environ: Mapping[str, str]) -> int:
    """Until it is told to stop; the exit code."""
    secret = secrets.token_hex(16)
    hook = Hook(f"http://127.0.0.1:{load(IngestSettings, environ).port}/webhooks/github", secret)
    async with Forge(folder / "forge", hook=hook) as forge:
        given = {
            "PENSTOCK_LOG_LEVEL": "warning",
            **environ,
            "PENSTOCK_GITHUB_URL": forge.api_url,
            "PENSTOCK_GITHUB_INSTANCE": urlsplit(forge.api_url).netloc,
            "PENSTOCK_GITHUB_TOKEN": TOKEN,
            "PENSTOCK_WEBHOOK_SECRET_GITHUB": secret,
        }

        async def build_demo(context: Context) -> Service:
            return Service(machines=(Demonstration(forge, load(ConsoleSettings, given), folder),))

        return await run_together("up", {**builds(), "demo": build_demo}, given)


@dataclass(frozen=True, slots=True)
class _Opened:
    repository: Repository
    pull: Pull


class Demonstration:
    """A Machine: opens the pull request, looks until it was reviewed, tells it, and is done."""

    def __init__(self, forge: Forge, console: ConsoleSettings, folder: Path) -> None:
        self._forge, self._folder = forge, folder
        self._console = f"http://127.0.0.1:{console.port}/workflow-queue"
        self._headers = {"authorization": f"Bearer {console.token.reveal()}"} if console.token else {}
        self._wake = asyncio.Event()
        self._opened: _Opened | None = None
        self._looked = 0
        self._told = False

    @property
    def name(self) -> str:
        return "demo"

    @property
    def wake(self) -> asyncio.Event:
        return self._wake

    async def step(self) -> float:
        if self._told:
            return 3600.0
        if self._opened is None:
            await self._open()
        elif await self._over() or self._looked * _LOOK > PATIENCE:
            await self._tell(self._opened)
            self._told = True
        self._looked += 1
        return _LOOK

    async def stop(self) -> None:
        """Nothing is held."""

    async def _open(self) -> None:
        world = self._forge.world
        repository = await world.create_repository(example.NAME, example.BEFORE)
        pull = await world.open_pull_request(repository, title=example.TITLE, body=example.BODY, files=example.AFTER)
        self._opened = _Opened(repository, pull)

    async def _over(self) -> bool:
        return any(job.finished_at is not None for job in await self._jobs())

    async def _tell(self, opened: _Opened) -> None:
        jobs = await self._jobs()
        history = History.model_validate_json(await self._get(f"/jobs/{jobs[0].id}/history")) if jobs else None
        state, key = self._forge.world.state, (opened.repository.id, opened.pull.number)
        tell(
            Told(
                link=f"{self._forge.url}/{example.NAME}/pull/{opened.pull.number}",
                api=self._console,
                data=self._folder,
                title=opened.pull.title,
                statuses=tuple(state.owned(Status, (opened.repository.id, opened.pull.head))),
                comments=tuple(state.owned(Comment, key)),
                reviews=tuple(state.owned(Review, key)),
                inline=tuple(state.owned(ReviewComment, key)),
                job=jobs[0] if jobs else None,
                history=tuple(history.history) if history else (),
            )
        )

    async def _jobs(self) -> list[Job]:
        page = JobPage.model_validate_json(await self._get("/jobs?type=CODE_REVIEW"))
        return page.jobs

    async def _get(self, path: str) -> bytes:
        async with httpx.AsyncClient(headers=self._headers, trust_env=False) as client:
            answer = await client.get(f"{self._console}{path}")
            answer.raise_for_status()
            return answer.content
