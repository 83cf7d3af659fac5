"""PURE: `.penstock.yaml` as people write it becomes the configuration of a review (B2, B3).

Nothing that stands in it stops a review: what cannot be understood is left at its default, and a notice says so. Every
scalar is read as the text it is, without YAML's tags, types and merged mappings: their readers fail in ways of their
own, and let a few hundred bytes grow without end. A name with nothing behind it means its default.
"""

from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from penstock_changes.documents import ReviewConfig
from penstock_changes.findings import Severity
from penstock_changes.paths import ways
from penstock_prepare.decide import CONFIGURATION as PATH
from penstock_prepare.decide import LARGEST_CONFIGURATION
from penstock_store.texts import printable

_MOST_NOTICES = 10
_SILENT: dict[str, object] = {}
_NOTHING = ("", "~", "null", "Null", "NULL")


def _meaningful(pattern: str) -> str:
    ways(pattern)
    return pattern


Text = Annotated[str, Field(min_length=1, max_length=300)]
Texts = Annotated[tuple[Text, ...], Field(max_length=200)]
Patterns = Annotated[tuple[Annotated[Text, AfterValidator(_meaningful)], ...], Field(max_length=200)]


class Written(BaseModel):
    """What the file may say. The words are those of ReviewConfig; a test holds the two together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    automatic: bool = True
    drafts: bool = False
    initial_comment: bool = False
    analysis: bool = True
    pr_review: bool = True
    files_review: bool = True
    analysis_wait: Annotated[float, Field(ge=0, le=600)] = 10.0
    include: Patterns = ()
    exclude: Patterns = ()
    ignore_titles: Texts = ()
    ignore_rules: Texts = ()
    minimum_severity: Severity = Severity.LOW
    max_inline_comments: Annotated[int, Field(ge=0, le=100)] = 5
    request_changes_at: Severity | None = None
    approve_when_clean: bool = False
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    instructions: Annotated[str, Field(max_length=8000)] = ""
    batch_files: Annotated[int, Field(ge=1, le=100)] = 10
    batch_lines: Annotated[int, Field(ge=10, le=10_000)] = 800


def read(raw: bytes | None) -> ReviewConfig:
    """The configuration that applies; no file means the defaults."""
    if raw is None:
        return ReviewConfig()
    said, notices = _parsed(raw)
    written, wrong = _validated(said)
    return ReviewConfig(**written.model_dump(), notices=tuple([*notices, *wrong][:_MOST_NOTICES]))


def _parsed(raw: bytes) -> tuple[dict[str, object], tuple[str, ...]]:
    if len(raw) > LARGEST_CONFIGURATION:
        return _SILENT, (
            f"{PATH} is larger than {LARGEST_CONFIGURATION} bytes and was not read: the defaults are used.",
        )
    try:
        said = yaml.load(raw, yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        return _SILENT, (f"{PATH} is not valid YAML{_place(error)}: the defaults are used.",)
    if said is None or said == "":
        return _SILENT, ()
    if not isinstance(said, dict) or not all(isinstance(key, str) for key in said):
        return _SILENT, (f"{PATH} has to be a list of `name: value` lines: the defaults are used.",)
    return {printable(name): value for name, value in said.items() if value not in _NOTHING}, ()


def _validated(said: dict[str, object]) -> tuple[Written, tuple[str, ...]]:
    """What is wrong is taken out, and the rest holds: a typing mistake in one line must not switch on another."""
    try:
        return Written.model_validate(said), ()
    except ValidationError as error:
        problems = {
            str(each["loc"][0]): each["msg"].replace("a valid tuple", "a list")
            for each in error.errors(include_url=False, include_input=False)
        }
    notices = tuple(_notice(name, problems[name]) for name in sorted(problems))
    return Written.model_validate({name: value for name, value in said.items() if name not in problems}), notices


def _notice(name: str, problem: str) -> str:
    shown = name[:60]
    if name not in Written.model_fields:
        return f"{PATH}: `{shown}` is not a setting and was ignored."
    return f"{PATH}: `{shown}` was ignored: {problem}. The default is used."


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1})" if mark is not None else ""
