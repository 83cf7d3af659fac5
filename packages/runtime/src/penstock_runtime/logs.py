"""Structured logs on standard error: one JSON object per line, or plain text at a terminal.

Whoever handles an event opens one `log_context(workflow=…, stage=…, attempt=…)`; every line below carries those ids.
"""

from __future__ import annotations

import contextvars
import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TextIO
from urllib.parse import quote, urlsplit

_CONTEXT: contextvars.ContextVar[Mapping[str, object]] = contextvars.ContextVar(
    "penstock_log_context", default=MappingProxyType({})
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_SHORTEST = 4
_HIDDEN = "***"

LogFormat = Literal["auto", "json", "text"]


@contextmanager
def log_context(**ids: object) -> Iterator[None]:
    """Add these ids to every log line written inside, also by tasks started inside. None removes an id."""
    merged = {name: value for name, value in {**_CONTEXT.get(), **ids}.items() if value is not None}
    token = _CONTEXT.set(MappingProxyType(merged))
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def current_context() -> Mapping[str, object]:
    """The ids that lines written here carry."""
    return _CONTEXT.get()


class Redactor:
    """Hides registered secrets in a text: as they are, as JSON or a URL writes them, and line by line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide this text from now on; in an address with a password, the password too. Below 4 characters: ignored."""
        for part in (secret, *secret.splitlines(), _password(secret)):
            for form in (
                part,
                json.dumps(part)[1:-1],
                json.dumps(part, ensure_ascii=False)[1:-1],
                quote(part, safe=""),
            ):
                if len(form.strip()) >= _SHORTEST:
                    self._forms.add(form)
        if self._forms:
            longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def redact(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(_HIDDEN, text)


def _password(text: str) -> str:
    try:
        return urlsplit(text).password or ""
    except ValueError:
        return ""


class _Formatter(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.redact(self.line(record))

    def line(self, record: logging.LogRecord) -> str:
        raise NotImplementedError

    def facts(self, record: logging.LogRecord) -> dict[str, object]:
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        return {**_CONTEXT.get(), **_trace_ids(), **extra}


def _trace_ids() -> dict[str, object]:
    tracing = sys.modules.get("penstock_runtime.tracing")
    if tracing is None:
        return {}
    ids: dict[str, object] = tracing.log_ids()
    return ids


class JsonFormatter(_Formatter):
    """One object per line: time, level, logger, message, the ids of the context, extra facts, exception."""

    def line(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update((name, value) for name, value in self.facts(record).items() if name not in entry)
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


class TextFormatter(_Formatter):
    """For people: time, level, message, then name=value."""

    def line(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        facts = "".join(f" {name}={value}" for name, value in self.facts(record).items())
        line = f"{time} {record.levelname:<7} {record.getMessage()}{facts}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class LogHandler(logging.StreamHandler[TextIO]):
    """The one handler of a process. A type of its own, so that it is recognised and never installed twice."""


def start_logs(level: str, style: LogFormat, redactor: Redactor, stream: TextIO | None = None) -> LogHandler:
    """Send all logs of this process to `stream` (standard error); an earlier LogHandler is replaced."""
    target = sys.stderr if stream is None else stream
    text = target.isatty() if style == "auto" else style == "text"
    handler = LogHandler(target)
    handler.setFormatter(TextFormatter(redactor) if text else JsonFormatter(redactor))
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if isinstance(known, LogHandler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # Chatty at INFO: one line for each request made.
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    return handler
