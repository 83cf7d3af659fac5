"""Gets uv, the only program that set-up needs besides Python: from PATH, by pip, or from the package index itself.

A fresh Debian has neither pip nor curl, so the last way needs the standard library alone. Proxies and certificates are
taken from the environment, addresses of indexes from the environment or from pip's configuration files.
"""

import configparser
import hashlib
import html.parser
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

UV_VERSION = "0.13.8"
_PUBLIC_INDEX = "https://pypi.org/simple"
_TIMEOUT = 180
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


def find_uv(tools: Path) -> str:
    """The uv to use, fetched below `tools` when there is none."""
    if on_path := shutil.which("uv"):
        return on_path
    uv = tools / f"uv-{UV_VERSION}" / "bin" / "uv"
    if not uv.exists() and not _install_with_pip(uv.parent.parent):
        _install_from_index(uv)
    return str(uv)


def pip_setting(name: str) -> str | None:
    """What pip was told, by its environment variable or its configuration files, the nearest one first."""
    if value := os.environ.get("PIP_" + name.upper().replace("-", "_")):
        return value
    home = Path.home()
    configuration = configparser.RawConfigParser(strict=False)
    files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", home / ".config/pip/pip.conf", Path(sys.prefix, "pip.conf")]
    configuration.read([*files, os.environ.get("PIP_CONFIG_FILE", os.devnull)])
    return configuration.get("global", name, fallback=None)


def _install_with_pip(target: Path) -> bool:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    finished = subprocess.run(
        [*command, "--upgrade", "--target", str(target), f"uv=={UV_VERSION}"],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return finished.returncode == 0


def _install_from_index(uv: Path) -> None:
    given = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL") or pip_setting("index-url")
    index, opener = _open_index(re.sub(r"^[\w-]+=", "", given or _PUBLIC_INDEX))  # uv allows name=address
    address, digest = choose_wheel(_read_index(index, opener))
    with opener.open(address, timeout=_TIMEOUT) as answer:
        wheel = answer.read()
    if hashlib.sha256(wheel).hexdigest() != digest:
        sys.exit(f"set-up: the wheel of uv {UV_VERSION} is not what the index says it is (sha256 differs)")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        program = archive.read(f"uv-{UV_VERSION}.data/scripts/uv")
    uv.parent.mkdir(parents=True, exist_ok=True)
    unfinished = uv.with_name(f"uv.{os.getpid()}")
    unfinished.write_bytes(program)
    unfinished.chmod(0o755)
    unfinished.replace(uv)


def _open_index(address: str) -> tuple[str, urllib.request.OpenerDirector]:
    """The address without name and password, and what sends them to that host and no other."""
    parts = urllib.parse.urlsplit(address)
    clean = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    if parts.username:
        user, password = (urllib.parse.unquote(part or "") for part in (parts.username, parts.password))
        root = urllib.parse.urljoin(clean, "/")
        passwords.add_password(None, root, user, password, is_authenticated=True)
    return clean, urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _read_index(index: str, opener: urllib.request.OpenerDirector) -> dict[str, tuple[str, str]]:
    request = urllib.request.Request(index.rstrip("/") + "/uv/", headers={"Accept": _ACCEPT})
    with opener.open(request, timeout=_TIMEOUT) as answer:
        return files_of(answer.read(), answer.headers.get_content_type(), answer.url)


def files_of(body: bytes, kind: str, address: str) -> dict[str, tuple[str, str]]:
    """The files on a page of an index, JSON (PEP 691) or HTML (PEP 503): name -> (address, sha256)."""
    if kind.endswith("json"):
        files = [(file["url"], file["hashes"].get("sha256", "")) for file in json.loads(body)["files"]]
    else:
        links = _Links()
        links.feed(body.decode())
        split = [urllib.parse.urldefrag(link) for link in links.addresses]
        files = [(link.url, link.fragment.removeprefix("sha256=")) for link in split]
    absolute = [(urllib.parse.urljoin(address, link), digest) for link, digest in files]
    return {urllib.parse.unquote(link.rpartition("/")[2]): (link, digest) for link, digest in absolute}


def choose_wheel(files: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Address and sha256 of the pinned uv for this machine."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform == "darwin":
        tag = rf"macosx_\d+_\d+_{machine.replace('aarch64', 'arm64')}"
    else:
        libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
        tag = rf"{libc}_\d+_\d+_{machine}(\.\w+)*"
    wanted = re.compile(rf"uv-{re.escape(UV_VERSION)}-py3-none-{tag}\.whl")
    for name, found in files.items():
        if wanted.fullmatch(name):
            return found
    sys.exit(
        f"set-up: the package index has no uv {UV_VERSION} for this machine ({sys.platform}, {machine}); install uv"
    )


if __name__ == "__main__":
    print(find_uv(Path(__file__).resolve().parent.parent / ".tools"))
