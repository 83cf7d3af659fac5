"""uv is fetched from an index that wants a name and a password, and refused when it is not what the index promised."""

import base64
import hashlib
import io
import platform
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools.get_uv import UV_VERSION, find_uv

LIBC = "manylinux_2_17" if platform.libc_ver()[0] == "glibc" else "musllinux_1_1"
WHEEL = f"uv-{UV_VERSION}-py3-none-{LIBC}_{platform.machine()}.whl"
PROGRAM = b"#!/bin/sh\necho I am uv\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the wheel served here is one for Linux")


@dataclass(slots=True)
class Index:
    address: str
    digest: str


def wheel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"uv-{UV_VERSION}.data/scripts/uv", PROGRAM)
    return content.getvalue()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    content = wheel()
    served = Index(address="", digest=hashlib.sha256(content).hexdigest())
    expected = "Basic " + base64.b64encode(b"me:p@ss").decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == expected
            page = f'<a href="/files/{WHEEL}#sha256={served.digest}">{WHEEL}</a>'.encode()
            body = {"/simple/uv/": page, f"/files/{WHEEL}": content}.get(self.path, b"")
            self.send_response(200 if known and body else 401)
            self.send_header("Content-Type", "text/html" if body is page else "application/zip")
            self.end_headers()
            self.wfile.write(body if known else b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so by its base
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    served.address = f"http://me:p%40ss@127.0.0.1:{server.server_port}/simple"
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"ours={served.address}")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def test_uv_is_fetched_once_and_can_be_run(index: Index, tmp_path: Path) -> None:
    uv = Path(find_uv(tmp_path))
    assert uv.read_bytes() == PROGRAM
    assert uv.stat().st_mode & 0o111 == 0o111
    index.digest = "gone"
    assert find_uv(tmp_path) == str(uv)


def test_a_wheel_with_another_digest_is_refused(index: Index, tmp_path: Path) -> None:
    index.digest = "0" * 64
    with pytest.raises(SystemExit, match="not what the index says it is"):
        find_uv(tmp_path)
    assert not list(tmp_path.rglob("uv"))
