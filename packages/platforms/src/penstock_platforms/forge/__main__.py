"""`python -m penstock_platforms.forge`: the forge as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from penstock_platforms.forge.hooks import Hook
from penstock_platforms.forge.server import BOT, TOKEN, Forge


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="penstock_platforms.forge", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--webhook-url", default="")
    parser.add_argument("--webhook-secret", default="")
    parser.add_argument("--token", default=TOKEN, help="the token of the account that reviews")
    return parser.parse_args(given)


async def run(options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stopped.set)
    hook = Hook(options.webhook_url, options.webhook_secret) if options.webhook_url else None
    async with Forge(options.root, port=options.port, hook=hook, tokens={options.token: BOT}) as forge:
        print(f"forge {forge.url}", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(run(arguments(sys.argv[1:])))
