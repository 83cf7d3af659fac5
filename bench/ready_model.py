"""A model of nobody's that answers at once: one finding on the first added line of every file it is shown.

python -m bench.ready_model --port PORT
"""

import argparse
import json

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.chaos.model import findings


async def complete(request: Request) -> Response:
    asked = json.loads(await request.body())
    text = json.dumps({"summary": "A change.", "findings": findings(asked["messages"][-1]["content"])})
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 50}
    return JSONResponse({"model": asked["model"], "choices": [choice], "usage": usage})


async def alive(_: Request) -> Response:
    return JSONResponse({})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    routes = [Route("/v1/chat/completions", complete, methods=["POST"]), Route("/livez", alive)]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=parser.parse_args().port, log_level="warning")


if __name__ == "__main__":
    main()
