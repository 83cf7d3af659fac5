"""The environment that git runs in. What is secret stands here only: on no command line, in no file."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from penstock_sources.ports import Credential

EMPTY_TREES: Final[Mapping[int, str]] = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The id of the tree without entries, by the length of the repository's ids."""

_KEPT = (
    "PATH",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "LD_LIBRARY_PATH",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_EXEC_PATH",
)

_NEUTRAL = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.quotePath", "true"),
    ("core.attributesFile", "/dev/null"),
    ("core.untrackedCache", "false"),
    ("credential.helper", ""),
    ("diff.noprefix", "false"),
    ("diff.mnemonicPrefix", "false"),
    ("diff.suppressBlankEmpty", "false"),
    ("diff.wsErrorHighlight", "none"),
    ("log.showSignature", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
)

_TRANSFER = (
    ("protocol.version", "2"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.autoPackLimit", "50"),
    ("gc.autoDetach", "false"),
    # The loose refs say what is here without asking git.
    ("gc.packRefs", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
)


def local_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """For a working copy: its owner's configuration counts, but nothing in it may run a program or change the format.

    GIT_INDEX_FILE stays: while a pre-commit hook runs it names the index that will be committed.
    """
    dropped = ("GIT_DIR", "GIT_WORK_TREE", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS", "GIT_PREFIX")
    kept = {
        name: value for name, value in inherited.items() if name not in dropped and not name.startswith("GIT_CONFIG_")
    }
    if "GIT_INDEX_FILE" in kept:
        kept["GIT_INDEX_FILE"] = str(Path(kept["GIT_INDEX_FILE"]).absolute())
    return kept | _common() | _configuration(_NEUTRAL)


def mirror_environment(
    inherited: Mapping[str, str], home: Path, clone_url: str, protocols: tuple[str, ...], credential: Credential | None
) -> dict[str, str]:
    """For a mirror: no system, no personal configuration; proxies and certificates as the host has them.

    The URL and the credential are configuration in the environment, so that they are stored nowhere and a renamed
    repository or a new token needs no change of the mirror.
    """
    kept = {name: inherited[name] for name in _KEPT if name in inherited}
    if "SSL_CERT_FILE" in kept:
        kept.setdefault("GIT_SSL_CAINFO", kept["SSL_CERT_FILE"])
    settings = [*_NEUTRAL, *_TRANSFER, ("remote.origin.url", clone_url)]
    if credential is not None and clone_url.startswith(("https://", "http://")):
        settings.append((f"http.{_origin(clone_url)}.extraHeader", _basic(credential)))
    isolated = {
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ALLOW_PROTOCOL": ":".join(protocols),
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_DEFAULT_REF_FORMAT": "files",
    }
    return kept | _common() | isolated | _configuration(settings)


def _common() -> dict[str, str]:
    return {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "cat",
    }


def _configuration(settings: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> dict[str, str]:
    pairs = {"GIT_CONFIG_COUNT": str(len(settings))}
    for index, (key, value) in enumerate(settings):
        pairs[f"GIT_CONFIG_KEY_{index}"] = key
        pairs[f"GIT_CONFIG_VALUE_{index}"] = value
    return pairs


def _origin(clone_url: str) -> str:
    parts = urlsplit(clone_url)
    return f"{parts.scheme}://{parts.netloc}/"


def _basic(credential: Credential) -> str:
    pair = f"{credential.username}:{credential.secret}".encode()
    return f"Authorization: Basic {base64.b64encode(pair).decode('ascii')}"
