"""Git over HTTP, both directions: `clone`, `fetch` with filters and by id, `push` with a token."""

from __future__ import annotations

import base64
import binascii
import gzip
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from penstock_platforms.forge.errors import Missing, Refused
from penstock_platforms.forge.git import GitFailed
from penstock_platforms.forge.model import Repository
from penstock_platforms.forge.rest.call import permission_of
from penstock_platforms.forge.world import World

_SERVICES = ("git-upload-pack", "git-receive-pack")
_NO_CACHE = {"Cache-Control": "no-cache"}
_WHO = PlainTextResponse("A token, please.\n", status_code=401, headers={"WWW-Authenticate": 'Basic realm="forge"'})


@dataclass(frozen=True, slots=True)
class GitHttp:
    world: World
    accounts: Mapping[str, str]

    def routes(self) -> list[Route]:
        return [
            Route("/{owner}/{name}.git/info/refs", self.advertise, methods=["GET"]),
            Route("/{owner}/{name}.git/git-upload-pack", self.upload_pack, methods=["POST"]),
            Route("/{owner}/{name}.git/git-receive-pack", self.receive_pack, methods=["POST"]),
        ]

    async def advertise(self, request: Request) -> Response:
        service = request.query_params.get("service", "")
        if service not in _SERVICES:
            return PlainTextResponse("Only the smart protocol is spoken.\n", status_code=403)
        repository = self._repository(request)
        if not self._allowed(request, repository, service):
            return _WHO
        told = await self._run(request, repository, service, b"", "--http-backend-info-refs")
        # Version 2 begins without the line that names the service.
        if "version=2" not in request.headers.get("git-protocol", ""):
            line = f"# service={service}\n"
            told = f"{len(line) + 4:04x}{line}0000".encode() + told
        return Response(told, media_type=f"application/x-{service}-advertisement", headers=_NO_CACHE)

    async def upload_pack(self, request: Request) -> Response:
        return await self._serve(request, self._repository(request), "git-upload-pack")

    async def receive_pack(self, request: Request) -> Response:
        repository = self._repository(request)
        answer = await self._serve(request, repository, "git-receive-pack")
        if answer.status_code == 200:
            await self.world.branches_pushed(repository)
        return answer

    async def _serve(self, request: Request, repository: Repository, service: str) -> Response:
        if not self._allowed(request, repository, service):
            return _WHO
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        told = await self._run(request, repository, service, body)
        return Response(told, media_type=f"application/x-{service}-result", headers=_NO_CACHE)

    async def _run(self, request: Request, repository: Repository, service: str, body: bytes, *how: str) -> bytes:
        protocol = {"GIT_PROTOCOL": request.headers.get("git-protocol", "")}
        command = (service.removeprefix("git-"), "--stateless-rpc", *how, ".")
        try:
            return await self.world.git(repository).run(*command, stdin=body, extra=protocol)
        except GitFailed as failed:
            if not failed.told:
                raise Refused(500, "Git ended with an error") from None
            return failed.told  # the refusal in Git's own protocol, such as an id that is not there

    def _repository(self, request: Request) -> Repository:
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        found = self.world.state.repository(name) or self.world.state.renamed(name)
        if found is None:
            raise Missing
        return found

    def _allowed(self, request: Request, repository: Repository, service: str) -> bool:
        granted = permission_of(repository, self.accounts.get(_password(request), ""))
        return granted != "none" if service == "git-upload-pack" else granted in ("write", "admin")


def _password(request: Request) -> str:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return given
    try:
        return base64.b64decode(given, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
