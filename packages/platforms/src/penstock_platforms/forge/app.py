"""The forge's addresses in one table."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp

from penstock_platforms.forge.control import Control
from penstock_platforms.forge.errors import Refused
from penstock_platforms.forge.faults import Faults
from penstock_platforms.forge.githttp import GitHttp
from penstock_platforms.forge.ledger import Ledger
from penstock_platforms.forge.pages import Pages
from penstock_platforms.forge.rest import accounts, comments, pulls, reviews
from penstock_platforms.forge.rest.call import Api
from penstock_platforms.forge.world import World

_DOCUMENTATION = "https://docs.github.com/rest"


def build(world: World, tokens: Mapping[str, str], faults: Faults, ledger: Ledger) -> ASGIApp:
    api = Api(world, tokens)
    rest = [*accounts.routes(api), *comments.routes(api), *reviews.routes(api), *pulls.routes(api)]
    return Starlette(
        routes=[
            Mount("/api/v3", routes=rest),
            accounts.graphql(api),
            *Control(world, faults, ledger).routes(),
            *GitHttp(world, tokens).routes(),
            *Pages(world).routes(),
        ],
        exception_handlers={Refused: _refused},
    )


async def _refused(request: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refused):
        raise refusal
    told: dict[str, object] = {"message": refusal.message, "documentation_url": _DOCUMENTATION}
    if refusal.errors:
        told["errors"] = list(refusal.errors)
    return JSONResponse({**told, "status": str(refusal.status)}, status_code=refusal.status)
