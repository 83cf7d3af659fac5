"""The HTTP edge of ingest: reads at most so many bytes, and turns answers into responses."""

import time
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from penstock_ingest.decide import Answer, rejected
from penstock_ingest.errors import BodyTooLarge
from penstock_ingest.handler import Receiver
from penstock_runtime.metrics import Metrics

JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_FORM_REMEDY = "set the content type of the webhook to application/json: a form cannot be read"


def build_app(receiver: Receiver, metrics: Metrics, largest: int) -> Starlette:
    async def take(request: Request) -> JSONResponse:
        began = time.perf_counter()
        path = request.path_params["platform"], request.path_params.get("instance", "")
        answer = await _answer(receiver, request, path, largest)
        metrics.webhooks_received.labels(answer.kind).inc()
        metrics.webhook_processing_duration.labels(answer.kind).observe(time.perf_counter() - began)
        return _response(answer)

    paths = ("/webhooks/{platform}", "/webhooks/{platform}/{instance}")
    return Starlette(routes=[Route(path, take, methods=["POST"]) for path in paths])


async def _answer(receiver: Receiver, request: Request, path: tuple[str, str], largest: int) -> Answer:
    door = receiver.doors.find(*path)
    if isinstance(door, str):
        return rejected(404, door)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        return rejected(415, _FORM_REMEDY if kind == _FORM else f"only {JSON} is read")
    try:
        body = await _body(request, largest)
    except BodyTooLarge:
        return rejected(413, f"more than {largest} bytes")
    return await receiver.received(*path, _headers(request), body)


async def _body(request: Request, largest: int) -> bytes:
    """What the sender says of its length is believed only where it says too much."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > largest:
        raise BodyTooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise BodyTooLarge
    return bytes(body)


def _headers(request: Request) -> Mapping[str, str]:
    """Lower case, as ASGI gives them; of one that is sent twice the first counts."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found.setdefault(name, value)
    return found


def _response(answer: Answer) -> JSONResponse:
    headers = {"retry-after": str(answer.retry_after)} if answer.retry_after is not None else None
    return JSONResponse(answer.body(), status_code=answer.code, headers=headers)
