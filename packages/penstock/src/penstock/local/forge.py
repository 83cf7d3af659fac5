"""The bundled forge as a process: a Git platform to try everything against. What it was told stays in its folder."""

import json
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from penstock.local.errors import ServiceFailed
from penstock.local.ports import free_port
from penstock.local.process import Command, Lifetime, ServerProcess, start_process

NAME = "forge"
_PATIENCE = 30.0


class ForgeProcess:
    """The forge of a folder. Its port is chosen once and kept."""

    def __init__(self, folder: Path, lifetime: Lifetime = Lifetime.WITH_OWNER) -> None:
        self.folder = folder.absolute()
        self._lifetime = lifetime
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        path = self.folder / "port"
        if not path.exists():
            path.write_text(str(free_port()))
        return f"http://127.0.0.1:{path.read_text()}"

    @property
    def api_url(self) -> str:
        """What PENSTOCK_GITHUB_URL is set to."""
        return f"{self.url}/api/v3"

    @property
    def log(self) -> Path:
        return self.folder / "forge.log"

    def start(self, webhook_url: str, webhook_secret: str, token: str) -> None:
        """Start it unless it runs, and return when it answers. Raises ServiceFailed."""
        if not self.running():
            module = [sys.executable, "-m", "penstock_platforms.forge", "--root", str(self.folder / "data")]
            # With an equals sign: a secret may begin with a dash.
            hook = [f"--webhook-url={webhook_url}", f"--webhook-secret={webhook_secret}"]
            address = [f"--port={self.url.rpartition(':')[2]}", f"--token={token}"]
            start_process(Command([*module, *hook, *address], self.log), self._lifetime).save(self._pid_file)
        deadline = time.monotonic() + _PATIENCE
        while not self.answers():
            if not self.running() or time.monotonic() > deadline:
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
                raise ServiceFailed(service=NAME, log=self.log, tail=tail)
            time.sleep(0.05)

    def stop(self) -> None:
        if process := ServerProcess.load(self._pid_file):
            process.end((signal.SIGTERM, 10.0))

    def running(self) -> bool:
        return ServerProcess.load(self._pid_file) is not None

    def answers(self) -> bool:
        with suppress(urllib.error.URLError, OSError):
            self.tell("GET", "/_forge/faults")
            return True
        return False

    def tell(self, method: str, path: str, told: Mapping[str, Any] | None = None) -> Any:
        """Ask for something that people do there. Raises urllib.error.HTTPError when it is refused."""
        body = None if told is None else json.dumps(told).encode()
        request = urllib.request.Request(f"{self.url}{path}", body, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    @property
    def _pid_file(self) -> Path:
        return self.folder / "forge.pid"
