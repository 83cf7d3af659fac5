"""`/_forge/…`: what people do, asked for from another process. Only for machines one trusts: it asks for no token."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from penstock_platforms.forge.errors import Missing, Refused
from penstock_platforms.forge.faults import Fault, FaultKind, Faults
from penstock_platforms.forge.git import Files
from penstock_platforms.forge.ledger import Ledger
from penstock_platforms.forge.model import Pull, Repository
from penstock_platforms.forge.rest.accounts import delivery_json
from penstock_platforms.forge.world import World

_OPENING = ("title", "body", "author", "author_association", "head_ref", "base_ref", "draft", "fork")


@dataclass(frozen=True, slots=True)
class Control:
    world: World
    faults: Faults
    ledger: Ledger

    def routes(self) -> list[Route]:
        here = "/_forge/repositories/{owner}/{name}"
        return [
            Route("/_forge/repositories", self.create_repository, methods=["POST"]),
            Route(f"{here}/pulls", self.open_pull_request, methods=["POST"]),
            Route(f"{here}/branches/{{branch:path}}", self.push_branch, methods=["POST"]),
            Route(f"{here}/branches/{{branch:path}}", self.delete_branch, methods=["DELETE"]),
            Route(f"{here}/pulls/{{number:int}}/{{action}}", self.act, methods=["POST"]),
            Route("/_forge/ledger", self.read_ledger, methods=["GET"]),
            Route("/_forge/faults", self.list_faults, methods=["GET"]),
            Route("/_forge/faults", self.add_faults, methods=["POST"]),
            Route("/_forge/faults", self.clear_faults, methods=["DELETE"]),
            Route("/_forge/deliveries", self.deliveries, methods=["GET"]),
            Route("/_forge/deliveries/attempts", self.redeliver_failed, methods=["POST"]),
            Route("/_forge/deliveries/{id}/attempts", self.redeliver, methods=["POST"]),
        ]

    async def create_repository(self, request: Request) -> Response:
        told = await _body(request)
        repository = await self.world.create_repository(
            _text(told, "name"),
            files_of(told),
            default_branch=str(told.get("default_branch", "main")),
            private=told.get("private") is True,
            permissions=told.get("permissions"),
        )
        return JSONResponse(self.world.render.repository(repository), status_code=201)

    async def open_pull_request(self, request: Request) -> Response:
        told = await _body(request)
        repository = self._repository(request)
        wanted = {key: told[key] for key in _OPENING if key in told}
        pull = await self.world.open_pull_request(repository, **{"title": "", **wanted}, files=files_of(told))
        return self._pull(repository, pull, 201)

    async def push_branch(self, request: Request) -> Response:
        told = await _body(request)
        branch = request.path_params["branch"]
        commit = await self.world.push_branch(self._repository(request), branch, files_of(told))
        return JSONResponse({"branch": branch, "sha": commit}, status_code=201)

    async def delete_branch(self, request: Request) -> Response:
        await self.world.delete_branch(self._repository(request), request.path_params["branch"])
        return Response(status_code=204)

    async def act(self, request: Request) -> Response:
        """push, force-push, move, close, reopen, merge, ready, retarget, edit, comment."""
        told, repository = await _body(request), self._repository(request)
        pull = self.world.pull(repository, int(request.path_params["number"]))
        action = str(request.path_params["action"])
        if action == "comment":
            author, body = str(told.get("author", "alice")), _text(told, "body")
            comment = self.world.comment(repository, pull, author=author, body=body)
            return JSONResponse(self.world.render.comment(repository, comment), status_code=201)
        return self._pull(repository, await self._changed(repository, pull, action, told), 200)

    async def _changed(self, repository: Repository, pull: Pull, action: str, told: Mapping[str, Any]) -> Pull:
        world = self.world
        moved: Mapping[str, Callable[[], Awaitable[Pull]]] = {
            "push": lambda: world.push(repository, pull, files_of(told)),
            "force-push": lambda: world.force_push(repository, pull, files_of(told)),
            "move": lambda: world.move_head(repository, pull, _text(told, "sha")),
            "merge": lambda: world.merge(repository, pull),
            "retarget": lambda: world.retarget(repository, pull, _text(told, "base_ref")),
        }
        turned = {"close": world.close, "reopen": world.reopen, "ready": world.mark_ready}
        if action in moved:
            return await moved[action]()
        if action in turned:
            return turned[action](repository, pull)
        if action == "edit":
            title, body = str(told.get("title", pull.title)), str(told.get("body", pull.body))
            return world.edit(repository, pull, title=title, body=body)
        raise Missing

    async def read_ledger(self, request: Request) -> Response:
        after, kind = request.query_params.get("after", "0"), request.query_params.get("kind", "")
        return JSONResponse([asdict(entry) for entry in self.ledger.entries(after=int(after), kind=kind)])

    async def list_faults(self, request: Request) -> Response:
        waiting = [asdict(fault) for fault in self.faults.waiting]
        return JSONResponse({"waiting": waiting, "fired": dict(self.faults.fired)})

    async def add_faults(self, request: Request) -> Response:
        told = await _body(request)
        try:
            fault = Fault(**{**told, "kind": FaultKind(str(told.get("kind")))})
        except (TypeError, ValueError):
            raise Refused(422, "Not a fault", [f"kind is one of {', '.join(FaultKind)}"]) from None
        self.faults.add(fault)
        return JSONResponse(asdict(fault), status_code=201)

    async def clear_faults(self, request: Request) -> Response:
        self.faults.clear()
        return Response(status_code=204)

    async def deliveries(self, request: Request) -> Response:
        return JSONResponse([delivery_json(each) for each in self.world.hooks.deliveries()])

    async def redeliver(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        delivery = self.world.hooks.find(int(wanted) if wanted.isdecimal() else wanted)
        if delivery is None:
            raise Missing
        self.world.hooks.redeliver(delivery)
        return JSONResponse(delivery_json(delivery), status_code=202)

    async def redeliver_failed(self, request: Request) -> Response:
        return JSONResponse({"redelivered": self.world.hooks.redeliver_failed()}, status_code=202)

    def _repository(self, request: Request) -> Repository:
        return self.world.repository(f"{request.path_params['owner']}/{request.path_params['name']}")

    def _pull(self, repository: Repository, pull: Pull, status: int) -> Response:
        return JSONResponse(self.world.render.pull(repository, pull), status_code=status)


def files_of(told: Mapping[str, Any]) -> Files:
    """`files`: path to text, to null for a removal, or to {"base64": …} for bytes."""
    files = told.get("files", {})
    if not isinstance(files, dict):
        raise Refused(422, "files is no object")
    return {path: _content(content) for path, content in files.items()}


def _content(content: Any) -> str | bytes | None:
    if isinstance(content, dict):
        return base64.b64decode(content.get("base64", ""))
    return None if content is None else str(content)


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(422, f"{name} is missing")
    return value


async def _body(request: Request) -> Mapping[str, Any]:
    try:
        told = json.loads(await request.body() or b"{}")
    except ValueError:
        raise Refused(400, "Problems parsing JSON") from None
    if not isinstance(told, dict):
        raise Refused(422, "Not an object")
    return told
