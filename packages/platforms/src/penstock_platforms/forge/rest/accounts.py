"""Who asks, the threads of a review, and the deliveries of the webhook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from penstock_platforms.forge.errors import Missing, Refused
from penstock_platforms.forge.hooks import Delivery
from penstock_platforms.forge.model import ReviewComment
from penstock_platforms.forge.rest import reviews
from penstock_platforms.forge.rest.call import Api, Call

_PAGE = 100


def routes(api: Api) -> list[Route]:
    async def user(request: Request) -> Response:
        return JSONResponse(api.world.render.user(api.account(request)))

    return [
        Route("/user", user, methods=["GET"]),
        *api.routes("GET", "/hooks/1/deliveries", deliveries),
        *api.routes("POST", "/hooks/1/deliveries/{delivery:int}/attempts", redeliver),
    ]


def graphql(api: Api) -> Route:
    """The two questions about threads that GitHub answers nowhere else; told apart by their names alone."""

    async def answer(request: Request) -> Response:
        account = api.account(request)
        told = json.loads(await request.body())
        query, variables = told.get("query", ""), told.get("variables", {})
        answering = _resolve if "resolveReviewThread" in query else _threads
        try:
            return JSONResponse({"data": answering(api, account, variables)})
        except Refused as refusal:
            kind = "NOT_FOUND" if refusal.status == 404 else "UNPROCESSABLE"
            return JSONResponse({"data": None, "errors": [{"type": kind, "message": refusal.message}]})

    return Route("/api/graphql", answer, methods=["POST"])


def _threads(api: Api, account: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    repository = api.world.repository(f"{variables['owner']}/{variables['name']}")
    pull = api.world.pull(repository, int(variables["number"]))
    comments = api.world.state.owned(ReviewComment, (repository.id, pull.number))
    start = int(variables.get("after") or 0)
    nodes = [
        {
            "id": f"thread-{comment.id}",
            "isResolved": comment.resolved,
            "comments": {"nodes": [{"databaseId": comment.id}]},
        }
        for comment in comments[start : start + _PAGE]
    ]
    more = {"hasNextPage": len(comments) > start + _PAGE, "endCursor": str(start + _PAGE)}
    return {"repository": {"pullRequest": {"reviewThreads": {"pageInfo": more, "nodes": nodes}}}}


def _resolve(api: Api, account: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    found = api.world.state.get(ReviewComment, int(str(variables["thread"]).removeprefix("thread-")))
    if found is None:
        raise Missing
    reviews.resolve(api.world, found)
    return {"resolveReviewThread": {"thread": {"id": variables["thread"], "isResolved": True}}}


async def deliveries(call: Call) -> Response:
    call.needs("admin")
    return call.page([delivery_json(each) for each in reversed(call.world.hooks.deliveries())])


async def redeliver(call: Call) -> Response:
    call.needs("admin")
    delivery = call.world.hooks.find(call.number("delivery"))
    if delivery is None:
        raise Missing
    call.world.hooks.redeliver(delivery)
    return JSONResponse({}, status_code=202)


def delivery_json(delivery: Delivery) -> Mapping[str, Any]:
    last = delivery.attempts[-1] if delivery.attempts else 0
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "event": delivery.event,
        "action": delivery.action,
        "redelivery": len(delivery.attempts) > 1,
        "status": "OK" if 200 <= last < 300 else "failed",
        "status_code": last,
        "attempts": delivery.attempts,
    }
