"""Settings: one frozen object per service, read once from PENSTOCK_* variables.

    @dataclass(frozen=True, slots=True)
    class IngestSettings:
        port: int = setting("PENSTOCK_INGEST_PORT", parsers.port, 3332, about="where webhooks arrive")
        token: Secret = setting("PENSTOCK_API_TOKEN", parsers.secret, about="...")          # required

    settings = load(IngestSettings, os.environ)

Every variable can be given as NAME, or as NAME_FILE with the path of a file that holds the value. All problems of the
environment are told at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, overload

from penstock_runtime import parsers
from penstock_runtime.errors import SettingsError
from penstock_runtime.names import (
    PLATFORMS,
    instance_name,
    known_names,
    secret_names,
    token_name,
    url_name,
    webhook_secret_name,
)
from penstock_runtime.parsers import Parser, Secret

T = TypeVar("T")
D = TypeVar("D")
_PREFIX = "PENSTOCK_"
_FILE = "_FILE"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a settings class says about one variable."""

    name: str
    parser: Parser[object]
    about: str
    required: bool
    default: object

    @property
    def secret(self) -> bool:
        return self.parser.secret or self.name in secret_names()


class _Required:
    """The default of a setting that has none."""


@overload
def setting(name: str, parser: Parser[T], *, about: str) -> T: ...
@overload
def setting(name: str, parser: Parser[T], default: D, *, about: str) -> T | D: ...
def setting(name: str, parser: Parser[Any], default: object = _Required, *, about: str) -> Any:
    """A field of a settings class: its variable, how it is read, and its default; without a default it is required."""
    required = default is _Required
    declared = Declared(name, parser, about, required, None if required else default)
    if required:
        return field(kw_only=True, metadata={Declared: declared})
    return field(default=default, kw_only=True, metadata={Declared: declared})


def declared_in(cls: type) -> tuple[Declared, ...]:
    """The variables a settings class declares, in order."""
    return tuple(_declared(item) for item in _settings_of(cls))


def _settings_of(cls: type) -> tuple[Field[Any], ...]:
    return tuple(item for item in fields(cls) if Declared in item.metadata)


def _declared(item: Field[Any]) -> Declared:
    found = item.metadata[Declared]
    assert isinstance(found, Declared)
    return found


def load(cls: type[T], environ: Mapping[str, str]) -> T:
    """The settings of this class. SettingsError names every variable that is missing, bad or unknown."""
    values: dict[str, object] = {}
    problems = list(_unknown(environ, {known.name for known in declared_in(cls)}))
    for item in _settings_of(cls):
        try:
            values[item.name] = _value(_declared(item), environ)
        except SettingsError as error:
            problems.extend(error.problems)
    if problems:
        raise SettingsError(tuple(problems))
    return cls(**values)


def _value(known: Declared, environ: Mapping[str, str]) -> object:
    text = raw(known.name, environ)
    if text is None:
        if known.required:
            raise SettingsError(
                (f"{known.name} is missing: set it, or {known.name}{_FILE}, to {known.parser.expects}",)
            )
        return known.default
    try:
        return known.parser.read(text)
    except ValueError:
        shown = "" if known.secret else f"={text!r}"
        remedy = "" if known.required else f", or remove it (the default is {shown_default(known)})"
        raise _problem(f"{known.name}{shown} is not valid: expected {known.parser.expects}{remedy}") from None


def raw(name: str, environ: Mapping[str, str]) -> str | None:
    """The text of a variable, from NAME or the file that NAME_FILE names; None when neither is set or it is empty."""
    text, file = environ.get(name, "").strip(), environ.get(name + _FILE, "").strip()
    if text and file:
        raise _problem(f"{name} and {name}{_FILE} are both set: remove one of them")
    if not file:
        return text or None
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(
            (f"{name}{_FILE}={file!r} cannot be read ({problem}): correct the path or its rights",)
        ) from None


def _problem(message: str) -> SettingsError:
    return SettingsError((message,))


def shown_default(known: Declared) -> str:
    if known.default in (None, "", ()):
        return "none"
    if known.secret:
        return "secret"
    return f"{known.default:g}" if isinstance(known.default, float) else str(known.default)


def refuse_unknown(environ: Mapping[str, str]) -> None:
    """SettingsError when a PENSTOCK_* variable is set that no process knows."""
    problems = tuple(_unknown(environ, set()))
    if problems:
        raise SettingsError(problems)


def _unknown(environ: Mapping[str, str], also: set[str]) -> Iterator[str]:
    known = known_names() | also
    for name in sorted(environ):
        if name.startswith(_PREFIX) and name not in known and name.removesuffix(_FILE) not in known:
            close = get_close_matches(name, sorted(known), n=1, cutoff=0.75)
            hint = f"did you mean {close[0]}?" if close else "remove it; docs/settings.md lists what there is"
            yield f"{name} is not a setting: {hint}"


@dataclass(frozen=True, slots=True)
class PlatformAccess:
    """What the variables of the simple case say about one platform."""

    platform: str
    url: str | None
    token: Secret | None
    webhook_secret: Secret | None
    instance: str | None = None
    """What it is called in keys, where that is not to be told from its address."""


def platform_access(environ: Mapping[str, str]) -> dict[str, PlatformAccess]:
    """The platforms for which PENSTOCK_<PLATFORM>_URL, …_TOKEN or PENSTOCK_WEBHOOK_SECRET_<PLATFORM> is set."""
    found: dict[str, PlatformAccess] = {}
    address = parsers.url("https", "http")
    for platform in PLATFORMS:
        url = _value(Declared(url_name(platform), address, "", False, None), environ)
        token = raw(token_name(platform), environ)
        secret = raw(webhook_secret_name(platform), environ)
        instance = _value(Declared(instance_name(platform), parsers.host, "", False, None), environ)
        if url is not None or token is not None or secret is not None:
            found[platform] = PlatformAccess(
                platform=platform,
                url=None if url is None else str(url).rstrip("/"),
                token=None if token is None else Secret(token),
                webhook_secret=None if secret is None else Secret(secret),
                instance=None if instance is None else str(instance),
            )
    return found


def secrets_in(environ: Mapping[str, str]) -> frozenset[str]:
    """The texts of all known secrets of this environment, for the redaction of logs."""
    return frozenset(text for name in secret_names() if (text := raw(name, environ)) is not None)


def table(classes: Iterable[type]) -> str:
    """The variables of these classes as a Markdown table, sorted by name, for docs/settings.md."""
    known = {item.name: item for cls in classes for item in declared_in(cls)}
    rows = ["| variable | default | expects | what |", "|---|---|---|---|"]
    for _, item in sorted(known.items()):
        default = "required" if item.required else shown_default(item)
        rows.append(f"| `{item.name}` | {default} | {item.parser.expects} | {item.about} |")
    return "\n".join(rows) + "\n"
