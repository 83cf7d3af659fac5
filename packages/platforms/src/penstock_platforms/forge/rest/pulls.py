"""Repositories, pull requests, files, diffs, permissions."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from penstock_platforms.forge import diffs
from penstock_platforms.forge.errors import Missing, Refused
from penstock_platforms.forge.rest.call import Api, Call, permission_of, text

_SMALLEST_LEFT_OUT = 1_000_000
"""GitHub leaves out the patch of a file whose diff is bigger."""


def routes(api: Api) -> list[Route]:
    return [
        *api.routes("GET", "", repository),
        *api.routes("GET", "/pulls", list_pulls),
        *api.routes("POST", "/pulls", create_pull),
        *api.routes("GET", "/pulls/{number:int}", get_pull),
        *api.routes("PATCH", "/pulls/{number:int}", edit_pull),
        *api.routes("GET", "/pulls/{number:int}/files", files),
        *api.routes("GET", "/contents/{path:path}", contents),
        *api.routes("GET", "/compare/{range:path}", compare),
        *api.routes("GET", "/collaborators/{user}/permission", permission),
    ]


async def repository(call: Call) -> Response:
    return JSONResponse(call.world.render.repository(call.repository))


async def list_pulls(call: Call) -> Response:
    wanted = call.query("state", "open")
    found = [pull for pull in call.world.pulls(call.repository) if wanted in ("all", pull.state)]
    if call.query("direction", "desc") == "desc":
        found.reverse()
    return call.page([call.world.render.pull(call.repository, pull) for pull in found])


async def create_pull(call: Call) -> Response:
    call.needs("write")
    body = await call.body()
    pull = await call.world.request_pull(
        call.repository,
        title=text(body, "title"),
        body=text(body, "body", ""),
        author=call.account,
        head_ref=text(body, "head").rpartition(":")[2],
        base_ref=text(body, "base"),
        draft=body.get("draft") is True,
    )
    return JSONResponse(call.world.render.pull(call.repository, pull), status_code=201)


async def get_pull(call: Call) -> Response:
    return JSONResponse(call.world.render.pull(call.repository, call.pull()))


async def edit_pull(call: Call) -> Response:
    call.needs("write")
    body, pull, world = await call.body(), call.pull(), call.world
    if body.get("state") == "closed" and pull.state == "open":
        pull = world.close(call.repository, pull)
    elif body.get("state") == "open" and pull.state == "closed":
        pull = world.reopen(call.repository, pull)
    if "base" in body:
        pull = await world.retarget(call.repository, pull, text(body, "base"))
    if "title" in body or "body" in body:
        title, told = text(body, "title", pull.title), text(body, "body", pull.body)
        pull = world.edit(call.repository, pull, title=title, body=told)
    return JSONResponse(world.render.pull(call.repository, pull))


async def files(call: Call) -> Response:
    changes = await call.world.changes(call.repository, call.pull())
    rendered = []
    for change in changes:
        told = dict(call.world.render.file(change))
        if len(change.patch or "") >= _SMALLEST_LEFT_OUT:
            told.pop("patch")
        rendered.append(told)
    return call.page(rendered)


async def contents(call: Call) -> Response:
    commit = await call.git.resolve(call.query("ref", call.repository.default_branch))
    content = await call.git.file(commit, call.request.path_params["path"]) if commit else None
    if content is None:
        raise Missing
    return Response(content, media_type="application/vnd.github.raw+json; charset=utf-8")


async def compare(call: Call) -> Response:
    base, dots, head = call.request.path_params["range"].partition("...")
    commits = (await call.git.resolve(base), await call.git.resolve(head)) if dots else (None, None)
    if commits[0] is None or commits[1] is None:
        raise Missing
    if "diff" not in call.request.headers.get("accept", ""):
        raise Refused(415, "This forge compares as a diff only; ask for application/vnd.github.diff")
    told = await diffs.text(call.git, commits[0], commits[1])
    return Response(told, media_type="application/vnd.github.diff; charset=utf-8")


async def permission(call: Call) -> Response:
    call.needs("write")
    user = call.request.path_params["user"]
    told = {"permission": permission_of(call.repository, user), "user": call.world.render.user(user)}
    return JSONResponse(told)
