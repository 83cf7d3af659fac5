"""A model of the chat-completions form that says what a test wants it to say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

INPUT_TOKENS, OUTPUT_TOKENS = 120, 30


@dataclass(slots=True)
class ChatServer:
    """`findings` and `summary` are its answer to everything; with a `status` it refuses instead."""

    findings: list[dict[str, Any]] = field(default_factory=list)
    summary: str = "Adds what it says."
    status: int = 200
    url: str = ""
    prompts: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def environ(self) -> dict[str, str]:
        return {"PENSTOCK_LLM_URL": self.url, "PENSTOCK_LLM_MODEL": "tiny", "PENSTOCK_LLM_KEY": "key-of-a-test"}

    def answer(self) -> bytes:
        if self.status != 200:
            return b'{"error": {"code": "refused"}}'
        said = json.dumps({"summary": self.summary, "findings": self.findings})
        choice = {"message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        usage = {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS}
        return json.dumps({"model": "tiny-1", "choices": [choice], "usage": usage}).encode()


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    told = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told.prompts.append(asked["messages"][-1]["content"])
            told.keys.add(self.headers["authorization"])
            body = told.answer()
            self.send_response(told.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
