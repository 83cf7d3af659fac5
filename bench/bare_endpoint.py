"""The peer of ingest: a FastAPI endpoint that checks the signature, commits one row, and does nothing else.

    python -m bench.bare_endpoint DATABASE_URL PORT

It has ingest's options of uvicorn, size of pool and settings of connections.
"""

import hmac
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from psycopg_pool import AsyncConnectionPool

from bench.bodies import SECRET
from penstock_store.postgres.database import PoolSettings

TABLE = "create table if not exists bare_webhooks (delivery text primary key, event text not null, body bytea not null)"
_INSERT = "insert into bare_webhooks (delivery, event, body) values (%s, %s, %s) on conflict do nothing"
POOL_SIZE = 8


def build(database_url: str, secret: bytes) -> FastAPI:
    kwargs = PoolSettings().connection()
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        database_url, kwargs=kwargs, min_size=1, max_size=POOL_SIZE, open=False
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with pool:
            yield

    app = FastAPI(docs_url=None, redoc_url=None, lifespan=lifespan)

    @app.post("/webhooks/github", status_code=202)
    async def webhook(request: Request) -> JSONResponse:
        body = await request.body()
        expected = "sha256=" + hmac.digest(secret, body, "sha256").hex()
        if not hmac.compare_digest(expected, request.headers.get("x-hub-signature-256", "")):
            return JSONResponse({"status": "rejected"}, status_code=401)
        told = (request.headers["x-github-delivery"], request.headers["x-github-event"], body)
        async with pool.connection() as connection:
            await connection.execute(_INSERT, told)
        return JSONResponse({"status": "accepted"}, status_code=202)

    return app


def main(database_url: str, port: int) -> None:
    uvicorn.run(
        build(database_url, SECRET.encode()),
        host="127.0.0.1",
        port=port,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
