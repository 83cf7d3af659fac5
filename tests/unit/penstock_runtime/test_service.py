"""run_service as users meet it: a real process, real signals, real ports."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

PROGRAM = """
import asyncio, sys
from penstock_runtime.operations import Check
from penstock_runtime.serving import HttpServer
from penstock_runtime.service import Service, run_service, run_services

WHAT = sys.argv[1]

class Ticking:
    def __init__(self, name):
        self.name = name
        self.wake = asyncio.Event()
    async def step(self):
        if WHAT in ("fails", "all fail"):
            raise LookupError("the record is gone with opensesame")
        if WHAT == "hangs":
            await asyncio.Event().wait()
        if WHAT == "hangs and fails":
            try:
                await asyncio.Event().wait()
            finally:
                raise ConnectionError("lost")
        return 60
    async def stop(self):
        print(self.name, "stopped", flush=True)

async def hello(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

async def broken(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no template"})

async def well():
    pass

async def closed():
    print("closed", flush=True)
    if WHAT == "closes badly":
        raise ConnectionError("lost")

async def build(context):
    if WHAT == "never built":
        print("building", flush=True)
        await asyncio.Event().wait()
    port = int(context.environ.get("WEB_PORT", "0"))
    app = broken if WHAT == "broken server" else hello
    web = HttpServer(context.name, app, "127.0.0.1", port, "PENSTOCK_INGEST_PORT")
    machine = Ticking(context.name + ".tick")
    return Service(machines=(machine,), servers=(web,), checks=(Check("database", well),), close=(closed,))

if WHAT in ("two", "all fail"):
    run_services("both", {"one": build, "two": build})
run_service("one", build)
"""


class Child:
    """A process under test. Its log lines and output are collected; waiting has a deadline."""

    def __init__(self, what: str, **environ: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PENSTOCK_", "OTEL_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, what],
            env={**inherited, "PENSTOCK_OPS_PORT": "0", **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.logs: list[dict[str, Any]] = []
        self.printed: list[str] = []
        self._news = threading.Condition()
        self._readers = [threading.Thread(target=target) for target in (self._read_logs, self._read_output)]
        for reader in self._readers:
            reader.start()

    def _read_logs(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.logs.append(json.loads(line))
                self._news.notify_all()

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.printed.append(line.strip())
                self._news.notify_all()

    def logged(self, message: str, **facts: str) -> dict[str, Any]:
        """The first log line with this message and these facts, once there is one."""
        wanted = {"message": message, **facts}

        def found() -> dict[str, Any] | None:
            return next((entry for entry in self.logs if wanted.items() <= entry.items()), None)

        with self._news:
            entry = self._news.wait_for(found, timeout=20)
        assert entry is not None, (wanted, self.logs)
        return entry

    def wait_printed(self, line: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: line in self.printed, timeout=20), self.printed

    def get(self, server: str, path: str) -> tuple[int, bytes]:
        port = self.logged("listening", server=server)["port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    def ended(self) -> int:
        code = self.process.wait(timeout=20)
        for reader in self._readers:
            reader.join(timeout=10)
        return code

    def close(self) -> None:
        self.process.kill()
        self.ended()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def children() -> Iterator[list[Child]]:
    started: list[Child] = []
    yield started
    for child in started:
        child.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_machines_and_servers_in_order_and_then_closes(
    children: list[Child], number: signal.Signals
) -> None:
    child = Child("well")
    children.append(child)
    child.logged("started")
    assert child.get("one", "/") == (200, b"hello")
    status, body = child.get("operations", "/readyz")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    status, body = child.get("operations", "/metrics")
    assert b'http_requests_total{method="GET",route="unmatched",status_code="200"} 1.0' in body
    child.process.send_signal(number)
    assert child.ended() == 0
    assert child.printed == ["one.tick stopped", "closed"]
    assert child.logs[-1]["message"] == "stopped"


def test_a_port_in_use_ends_with_one_line_that_says_what_to_do(children: list[Child]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        child = Child("well", WEB_PORT=str(port))
        children.append(child)
        assert child.ended() == 1
    lines = [entry for entry in child.logs if entry["level"] != "info"]
    assert [entry["message"] for entry in lines] == [
        f"Port {port} on 127.0.0.1 is in use: set PENSTOCK_INGEST_PORT to a free port, "
        "or end the process that holds it."
    ]
    assert "exception" not in lines[0]
    assert child.printed == ["closed"]


def test_an_unknown_setting_stops_the_start_by_name(children: list[Child]) -> None:
    child = Child("well", PENSTOCK_INGEST_PROT="1", PENSTOCK_LOG_LEVEL="loud")
    children.append(child)
    assert child.ended() == 2
    assert [entry["message"] for entry in child.logs] == [
        "PENSTOCK_INGEST_PROT is not a setting: did you mean PENSTOCK_INGEST_PORT?",
        "PENSTOCK_LOG_LEVEL='loud' is not valid: expected one of debug, info, warning, error, "
        "or remove it (the default is info)",
    ]


def test_a_machine_that_fails_ends_the_process_with_one_line_without_secrets(children: list[Child]) -> None:
    child = Child("fails", PENSTOCK_API_TOKEN="opensesame")
    children.append(child)
    assert child.ended() == 1
    (line,) = (entry for entry in child.logs if entry["level"] != "info")
    assert line["message"] == "The machine one.tick failed with LookupError: the record is gone with ***"
    assert "LookupError" in line["exception"]
    assert "opensesame" not in json.dumps(child.logs)
    assert child.printed == ["closed"]


def test_where_several_machines_fail_each_is_told_and_the_last_line_says_why_it_ended(children: list[Child]) -> None:
    child = Child("all fail")
    children.append(child)
    assert child.ended() == 1
    told, last = (entry for entry in child.logs if entry["level"] != "info")
    failed = "The machine {}.tick failed with LookupError: the record is gone with opensesame"
    assert {told["message"], last["message"]} == {failed.format("one"), failed.format("two")}
    assert (told["level"], last["level"]) == ("error", "critical")


def test_what_fails_when_it_is_cut_off_is_told_before_the_last_line(children: list[Child]) -> None:
    child = Child("hangs and fails", PENSTOCK_STOP_SECONDS="1s")
    children.append(child)
    child.logged("started")
    child.process.terminate()
    assert child.ended() == 1
    told, last = (entry for entry in child.logs if entry["level"] != "info")
    assert (told["message"], told["error"]) == ("it failed when it was cut off", "ConnectionError: lost")
    assert last["message"].startswith("Still busy after 1 seconds: one.tick.")


def test_a_machine_that_does_not_end_in_time_is_cut_off_and_named(children: list[Child]) -> None:
    child = Child("hangs", PENSTOCK_STOP_SECONDS="1s")
    children.append(child)
    child.logged("started")
    child.process.terminate()
    assert child.ended() == 1
    assert child.logs[-1]["message"].startswith("Still busy after 1 seconds: one.tick.")
    assert child.printed == ["closed"]


def test_a_second_signal_ends_at_once(children: list[Child]) -> None:
    child = Child("hangs")
    children.append(child)
    child.logged("started")
    child.process.terminate()
    child.logged("stopping")
    child.process.terminate()
    assert child.ended() == 1
    assert child.logs[-1]["message"] == "ended at once, with work in hand"


def test_a_process_told_to_stop_while_it_is_being_built_ends_in_order(children: list[Child]) -> None:
    child = Child("never built")
    children.append(child)
    child.wait_printed("building")
    assert child.get("operations", "/livez")[0] == 200
    status, body = child.get("operations", "/readyz")
    assert (status, json.loads(body)["status"]) == (503, "starting")
    child.process.terminate()
    assert child.ended() == 0


def test_a_server_whose_application_does_not_start_ends_the_process(children: list[Child]) -> None:
    child = Child("broken server")
    children.append(child)
    assert child.ended() == 1
    assert child.logs[-1]["message"] == "The HTTP server one ended by itself; its own log line says why."
    assert "no template" in [entry["message"] for entry in child.logs]


def test_what_cannot_be_closed_is_named_in_the_end(children: list[Child]) -> None:
    child = Child("closes badly")
    children.append(child)
    child.logged("started")
    child.process.terminate()
    assert child.ended() == 1
    assert child.logs[-1]["message"] == "Closing closed failed with ConnectionError: lost"


def test_several_services_share_one_process_and_one_operations_port(children: list[Child]) -> None:
    child = Child("two")
    children.append(child)
    child.logged("started")
    assert child.get("one", "/") == child.get("two", "/") == (200, b"hello")
    _, body = child.get("operations", "/readyz")
    assert sorted(json.loads(body)["dependencies"]) == ["one.database", "two.database"]
    child.process.terminate()
    assert child.ended() == 0
    assert sorted(child.printed) == ["closed", "closed", "one.tick stopped", "two.tick stopped"]


def test_the_operations_port_can_be_switched_off(children: list[Child]) -> None:
    child = Child("well", PENSTOCK_OPS_PORT="off")
    children.append(child)
    child.logged("started")
    assert [entry["server"] for entry in child.logs if entry["message"] == "listening"] == ["one"]
    child.process.terminate()
    assert child.ended() == 0
