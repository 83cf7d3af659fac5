"""A Git server over HTTP on a free port: git's own `http-backend` behind a password."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from tests.support.git_repositories import ISOLATED


@dataclass(slots=True)
class GitHttp:
    """`newest_protocol` false makes it a server that hands out only what its branches point to.

    `status` other than 0 is its answer to everything, with what is `said`.
    """

    folder: Path
    username: str = "bot"
    secret: str = "hunter2"
    newest_protocol: bool = True
    status: int = 0
    said: str = ""
    port: int = 0
    requests: list[str] = field(default_factory=list)

    def url(self, repository: str) -> str:
        return f"http://127.0.0.1:{self.port}/{repository}"

    def expected(self) -> str:
        return "Basic " + base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()

    @contextmanager
    def serving(self) -> Iterator["GitHttp"]:
        handler = type("Handler", (_Handler,), {"served": self})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: ClassVar[GitHttp]

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self._body())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet: what was asked stands in `requests`."""

    def _answer(self, body: bytes) -> None:
        served = self.served
        served.requests.append(self.path)
        if served.status:
            self._refuse(served.status, served.said)
        elif self.headers.get("Authorization") != served.expected():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
        else:
            self._relay(subprocess.run(
                ["git", "http-backend"], env=self._environment(body), input=body, capture_output=True, check=False
            ).stdout)  # fmt: skip

    def _refuse(self, status: int, said: str) -> None:
        """As plain text, which git passes on."""
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    def _relay(self, answer: bytes) -> None:
        head, _, content = answer.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _environment(self, body: bytes) -> dict[str, str]:
        path, _, query = self.path.partition("?")
        protocol = self.headers.get("Git-Protocol", "") if self.served.newest_protocol else ""
        return {
            **ISOLATED,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": str(self.served.folder),
            "GIT_PROTOCOL": protocol,
            "HOME": os.fspath(self.served.folder),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": self.served.username,
        }

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        chunks = []
        while size := int(self.rfile.readline().strip(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)
