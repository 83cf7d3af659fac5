"""One request to the REST interface: who asks, about what, and how lists and refusals are answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from penstock_platforms.forge.errors import Missing, Refused
from penstock_platforms.forge.git import GitRepository
from penstock_platforms.forge.model import Pull, Repository
from penstock_platforms.forge.world import World

_LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Call:
    request: Request
    world: World
    account: str
    repository: Repository

    @property
    def git(self) -> GitRepository:
        return self.world.git(self.repository)

    def pull(self) -> Pull:
        return self.world.pull(self.repository, self.number("number"))

    def number(self, name: str) -> int:
        return int(self.request.path_params[name])

    def query(self, name: str, default: str = "") -> str:
        return self.request.query_params.get(name, default)

    async def body(self) -> Mapping[str, Any]:
        try:
            told = json.loads(await self.request.body())
        except ValueError:
            raise Refused(400, "Problems parsing JSON") from None
        if not isinstance(told, dict):
            raise Refused(422, "Invalid request.")
        return told

    def needs(self, permission: str) -> None:
        """GitHub hides from whoever may not write that there is anything to write to."""
        if permission_of(self.repository, self.account) not in ("admin", permission):
            raise Refused(403, "Resource not accessible by personal access token")

    def page(self, items: Sequence[Any]) -> Response:
        """The asked page of a list, with the addresses of the others in its Link header."""
        size = min(max(_whole(self.query("per_page"), 30), 1), _LARGEST_PAGE)
        number = max(_whole(self.query("page"), 1), 1)
        last = max(1, -(-len(items) // size))
        links = []
        for relation, target in (("prev", number - 1), ("next", number + 1), ("first", 1), ("last", last)):
            if 1 <= target <= last and target != number:
                url = self.request.url.include_query_params(page=target, per_page=size)
                links.append(f'<{url}>; rel="{relation}"')
        headers = {"Link": ", ".join(links)} if links else {}
        return JSONResponse(list(items[(number - 1) * size : number * size]), headers=headers)


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Api:
    """Turns handlers into routes that know the repository and who asks."""

    world: World
    accounts: Mapping[str, str]
    """Token to login."""

    def routes(self, method: str, path: str, handler: Handler) -> list[Route]:
        """The same handler under the repository's name and under its id."""

        async def by_name(request: Request) -> Response:
            account = self.account(request)
            name = f"{request.path_params['owner']}/{request.path_params['name']}"
            found = self.world.state.repository(name)
            if found is None:
                return self._moved(request, name, account)
            return await handler(self._call(request, found, account))

        async def by_id(request: Request) -> Response:
            account = self.account(request)
            found = self.world.state.get(Repository, int(request.path_params["id"]))
            return await handler(self._call(request, found, account))

        return [
            Route(f"/repos/{{owner}}/{{name}}{path}", by_name, methods=[method]),
            Route(f"/repositories/{{id:int}}{path}", by_id, methods=[method]),
        ]

    def account(self, request: Request) -> str:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        login = self.accounts.get(token) if kind.lower() in ("bearer", "token") else None
        if login is None:
            raise Refused(401, "Bad credentials" if token else "Requires authentication")
        return login

    def _call(self, request: Request, repository: Repository | None, account: str) -> Call:
        if repository is None or permission_of(repository, account) == "none":
            raise Missing
        return Call(request, self.world, account, repository)

    def _moved(self, request: Request, name: str, account: str) -> Response:
        repository = self.world.state.renamed(name)
        if repository is None or permission_of(repository, account) == "none":
            raise Missing
        path = request.url.path.replace(f"/repos/{name}", f"/repositories/{repository.id}", 1)
        url = str(request.url.replace(path=path))
        return RedirectResponse(url, status_code=301 if request.method == "GET" else 307)


def permission_of(repository: Repository, login: str) -> str:
    return repository.permissions.get(login, "none" if repository.private else "read")


def text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise Refused(422, "Validation Failed", [f"{name} is missing or no string"])
    return value


def _whole(value: str, default: int) -> int:
    return int(value) if value.isdecimal() else default
