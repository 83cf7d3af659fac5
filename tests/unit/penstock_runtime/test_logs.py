import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry.trace import NoOpTracer

from penstock_runtime.logs import LogFormat, LogHandler, Redactor, current_context, log_context, start_logs
from penstock_runtime.tracing import extract

log = logging.getLogger("penstock.test")


@pytest.fixture(autouse=True)
def _restored_root_logger() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    for handler in [known for known in root.handlers if isinstance(known, LogHandler)]:
        root.removeHandler(handler)


def started(style: LogFormat = "json", *secrets: str) -> io.StringIO:
    stream = io.StringIO()
    start_logs("info", style, Redactor(secrets), stream)
    return stream


def test_a_line_is_one_json_object_with_the_ids_of_its_context() -> None:
    stream = started()
    with log_context(workflow="w1", stage="ast"), log_context(attempt=2, stage=None):
        log.info("asked %d", 3, extra={"batch": 7})
    entry = json.loads(stream.getvalue())
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "info",
        "logger": "penstock.test",
        "message": "asked 3",
        "workflow": "w1",
        "attempt": 2,
        "batch": 7,
    }
    assert current_context() == {}


def test_a_line_inside_a_span_carries_its_trace() -> None:
    stream = started()
    parent = extract("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    with NoOpTracer().start_as_current_span("x", context=parent):
        log.info("here")
    entry = json.loads(stream.getvalue())
    assert (entry["trace_id"], entry["span_id"]) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


async def test_contexts_of_tasks_that_run_side_by_side_do_not_mix() -> None:
    stream = started()
    met = asyncio.Barrier(2)

    async def work(name: str) -> None:
        with log_context(task=name):
            await met.wait()
            log.info(name)

    await asyncio.gather(work("a"), work("b"))
    entries = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert sorted((entry["message"], entry["task"]) for entry in entries) == [("a", "a"), ("b", "b")]


def test_several_services_of_a_process_share_one_handler() -> None:
    first = started()
    second = started()
    log.info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


@pytest.mark.parametrize("style", ["json", "text"])
def test_a_registered_secret_appears_nowhere_in_a_line(style: LogFormat) -> None:
    secret = 'p"ä\\ss/word'
    stream = started(style, secret, "postgresql://me:hunter2@db/x", "-----KEY\nabcdefgh\n-----END")
    try:
        raise ValueError(f"refused {secret}")
    except ValueError:
        log.exception(
            "call to %s", f"https://x/?t={secret}", extra={"url": "postgresql://other:hunter2@db", "k": secret}
        )
    log.info("line abcdefgh and p%22%C3%A4%5Css%2Fword")
    text = stream.getvalue()
    for hidden in ("hunter2", "abcdefgh", secret, json.dumps(secret)[1:-1], "ss/word", "%5Css"):
        assert hidden not in text
    assert "***" in text
    assert "ValueError" in text


def test_a_secret_too_short_to_hide_does_not_blacken_everything() -> None:
    assert Redactor(["a", ""]).redact("a banana") == "a banana"


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert Redactor(["abcd", "abcdefgh"]).redact("x abcdefgh y") == "x *** y"


def test_at_no_terminal_auto_means_json_and_text_is_for_people() -> None:
    assert json.loads(_one_line("auto"))["message"] == "hello"
    assert " INFO    hello stage=ast" in _one_line("text")


def _one_line(style: LogFormat) -> str:
    stream = started(style)
    with log_context(stage="ast"):
        log.info("hello")
        log.debug("too small")
    return stream.getvalue()
