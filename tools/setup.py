"""Makes .venv/ what requirements.lock and the members of the workspace say, and does nothing when it is already."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one is told so instead of shown a traceback
    sys.exit("set-up: Penstock needs Python 3.11 or newer; install it, then: make PYTHON=/path/to/python3 setup")

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

from tools.get_uv import find_uv, pip_setting

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "penstock-setup"
LOCK = ROOT / "requirements.lock"
BUILD_CONSTRAINTS = ROOT / "tools" / "build-constraints.txt"
UV_CONFIGURATION = (Path.home() / ".config/uv/uv.toml", Path("/etc/uv/uv.toml"))
OF_PIP = {
    "UV_DEFAULT_INDEX": "index-url",
    "UV_INDEX": "extra-index-url",
    "UV_FIND_LINKS": "find-links",
    "UV_HTTP_TIMEOUT": "default-timeout",
    "SSL_CERT_FILE": "cert",
}


def members() -> list[Path]:
    return sorted(
        path.parent for pattern in ("packages/*", "services/*") for path in ROOT.glob(f"{pattern}/pyproject.toml")
    )


def fingerprint() -> str:
    """Of everything that decides what belongs into the environment, the place of the checkout included."""
    digest = hashlib.sha256(f"{ROOT} {sys.version}".encode())
    for path in (LOCK, BUILD_CONSTRAINTS, *(member / "pyproject.toml" for member in members())):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def environment() -> dict[str, str]:
    """This environment, certificates and proxies included, and for uv what pip was told where uv was told nothing."""
    variables = dict(os.environ)
    if "UV_INDEX_URL" not in variables and not any(path.exists() for path in UV_CONFIGURATION):
        for variable, setting in OF_PIP.items():
            if value := pip_setting(setting):
                variables.setdefault(variable, value)
    variables["UV_PYTHON_DOWNLOADS"] = "never"
    return variables


def install() -> None:
    uv = find_uv(ROOT / ".tools")
    variables = environment()

    def run(*arguments: str) -> None:
        finished = subprocess.run([uv, "--quiet", *arguments], cwd=ROOT, env=variables, check=False)
        if finished.returncode:
            sys.exit(f"set-up: uv {' '.join(arguments[:2])} failed; its message is above")

    python = str(VENV / "bin" / "python")
    if not Path(python).exists():
        run("venv", "--allow-existing", "--no-project", "--python", sys.executable, str(VENV))
    run("pip", "sync", "--python", python, "--require-hashes", str(LOCK))
    editable = [argument for member in members() for argument in ("--editable", str(member))]
    run("pip", "install", "--python", python, "--no-deps", "--build-constraints", str(BUILD_CONSTRAINTS), *editable)


def main() -> None:
    (ROOT / ".tools").mkdir(exist_ok=True)
    with (ROOT / ".tools" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingerprint()
        if STAMP.exists() and STAMP.read_text() == wanted:
            return
        install()
        STAMP.write_text(wanted)
    print("set-up: .venv is ready", file=sys.stderr)


if __name__ == "__main__":
    main()
