"""A model of nobody's: speaks the chat-completions form, is slow now and then, and sometimes refuses. Its own process.

The same prompt always gets the same findings: one on the first added line of each file it is shown.
"""

import argparse
import asyncio
import json
import re
from collections import Counter
from random import Random

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_FILE = re.compile(r"^File: (?P<path>[^\s,]+)", re.MULTILINE)
_ADDED = re.compile(r"^R(?P<line>\d+) \+", re.MULTILINE)
THROTTLED, FAILED = 0.04, 0.03
USAGE = {"prompt_tokens": 100, "completion_tokens": 50}


def findings(prompt: str) -> list[dict[str, object]]:
    files = list(_FILE.finditer(prompt))
    ends = [*(each.start() for each in files[1:]), len(prompt)]
    found = ((each["path"], _ADDED.search(prompt, each.end(), end)) for each, end in zip(files, ends, strict=True))
    return [
        {
            "path": path,
            "start_line": int(added["line"]),
            "category": "maintainability",
            "severity": "low",
            "title": f"{path} begins to change here",
            "message": "Nobody says why.",
            "confidence": 0.7,
        }
        for path, added in found
        if added
    ]


def subject(prompt: str) -> str:
    """The pull request that is asked about: its files lie in a folder named by its number."""
    found = _FILE.search(prompt)
    return found["path"].partition("/")[0] if found else "nobody's"


def build(seed: str) -> Starlette:
    rng, told, spent = Random(seed), Counter[str](), Counter[str]()
    heard: list[str] = []

    async def complete(request: Request) -> Response:
        body = (await request.body()).decode()
        asked = json.loads(body)
        heard.append(body + str([(name, value) for name, value in request.headers.items() if name != "authorization"]))
        await asyncio.sleep(rng.uniform(0.05, 0.3))
        drawn = rng.random()
        if drawn < THROTTLED:
            told["throttled"] += 1
            return JSONResponse({"error": {"code": "rate_limited"}}, 429, headers={"retry-after": "1"})
        if drawn < THROTTLED + FAILED:
            told["failed"] += 1
            return JSONResponse({"error": {"type": "server_error"}}, 500)
        told["answered"] += 1
        prompt = asked["messages"][-1]["content"]
        spent[subject(prompt)] += sum(USAGE.values())
        text = json.dumps({"summary": "A change.", "findings": findings(prompt)})
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return JSONResponse({"model": asked["model"], "choices": [choice], "usage": USAGE})

    async def count(request: Request) -> Response:
        return JSONResponse(dict(told))

    async def bill(request: Request) -> Response:
        return JSONResponse(dict(spent))

    async def repeat(request: Request) -> Response:
        """All it was sent, but for the key which it is meant to know."""
        return JSONResponse(heard)

    return Starlette(
        routes=[
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/told", count, methods=["GET"]),
            Route("/spent", bill, methods=["GET"]),
            Route("/heard", repeat, methods=["GET"]),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", required=True)
    given = parser.parse_args()
    uvicorn.run(build(given.seed), host="127.0.0.1", port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
