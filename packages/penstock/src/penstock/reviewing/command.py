"""What `penstock review` does with its arguments: from a request to text on two streams and an exit code."""

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from penstock.reviewing import as_json, as_text
from penstock.reviewing.errors import NotReviewed
from penstock.reviewing.filters import filter_of
from penstock.reviewing.opening import opened
from penstock.reviewing.progress import progress_on
from penstock.reviewing.ranges import Chosen, Scope, scoped, written
from penstock.reviewing.report import Report
from penstock.reviewing.session import review
from penstock.reviewing.sources import NarrowedSources
from penstock.reviewing.watching import Watch
from penstock_changes.findings import Severity
from penstock_runtime.errors import SettingsError
from penstock_sources.errors import CommitNotFound, InvalidRepository, InvalidRevision, SourceError
from penstock_sources.local import LocalRepository

CLEAN, FOUND, MISUSED, UNREVIEWED = 0, 1, 2, 3
_NEVER = "never"


@dataclass(frozen=True, slots=True)
class Request:
    folder: Path
    range: str = ""
    scope: str = Scope.BRANCH.value
    paths: tuple[str, ...] = ()
    format: str = "text"
    fail_on: str = Severity.HIGH.value
    colour: bool = True


async def perform(request: Request, environ: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """The exit code."""
    try:
        with _quiet():
            chosen, report = await _reviewed(request, environ, err)
    except SettingsError as error:
        return _refused(err, MISUSED, *error.problems)
    except InvalidRepository as error:
        return _refused(err, MISUSED, str(error), "go to a folder of the repository that you want to have reviewed")
    except (CommitNotFound, InvalidRevision) as error:
        return _refused(err, MISUSED, str(error), "`git log --oneline` and `git branch --all` show what there is")
    except (NotReviewed, SourceError) as error:
        return _refused(err, UNREVIEWED, str(error))
    _say(out, _rendered(request, report, environ, out))
    if not report.files:
        _say(err, f"penstock: nothing to review between {chosen.shown}; `penstock review --help` names other ranges\n")
    return _exit_code(report, request.fail_on)


async def _reviewed(request: Request, environ: Mapping[str, str], err: TextIO) -> tuple[Chosen, Report]:
    repository = LocalRepository(request.folder, environment=environ)
    if request.range:
        chosen = await written(repository, request.range)
    else:
        chosen = await scoped(repository, Scope(request.scope))
    paths = filter_of(request.paths, request.folder, await repository.top())
    progress = progress_on(err)
    try:
        async with opened(chosen, NarrowedSources(repository, paths), environ) as parts:
            return chosen, await review(parts, Watch(progress.tell, parts.model.name if parts.model else ""))
    finally:
        progress.end()


def _rendered(request: Request, report: Report, environ: Mapping[str, str], out: TextIO) -> str:
    if request.format == "json":
        return as_json.rendered(report)
    plain = not request.colour or environ.get("NO_COLOR") or environ.get("TERM") == "dumb" or not out.isatty()
    width = shutil.get_terminal_size().columns
    return as_text.rendered(report, as_text.Style(width, None if plain else as_text.COLOURS))


def _exit_code(report: Report, fail_on: str) -> int:
    if fail_on != _NEVER and report.has(Severity(fail_on)):
        return FOUND
    return UNREVIEWED if report.failure else CLEAN


def _refused(err: TextIO, code: int, *problems: str) -> int:
    _say(err, "".join(f"penstock review: {as_text.plain(problem)}\n" for problem in problems))
    return code


def _say(stream: TextIO, text: str) -> None:
    """In whatever encoding the stream has: a terminal that cannot show a character shows its number."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, errors="backslashreplace").decode(encoding))
    stream.flush()


@contextmanager
def _quiet() -> Iterator[None]:
    """What services log, the report says; here a log line would only stand in its way."""
    root, nowhere = logging.getLogger(), logging.NullHandler()
    root.addHandler(nowhere)
    try:
        yield
    finally:
        root.removeHandler(nowhere)
