"""What services are replaced on: a cluster with real Kafka and PostgreSQL, a forge, a model, and people at work."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from penstock.local.binaries import postgres_programs
from penstock.local.cluster import DATABASE, Cluster
from penstock.local.fleet import Fleet
from penstock.local.placement import server_user
from penstock.local.ports import free_port
from penstock.local.postgres import Durability
from penstock.local.process import Command, Lifetime, ServerProcess, start_process
from tests import chaos
from tests.chaos.plan import PERSON, REPOSITORIES, SERVICES
from tests.chaos.stage import LLM_KEY, MARKER_SECRET, SHORT_RETRIES
from tests.rolling.front import Front
from tests.support.folders import disposable_folder

SPARE = "ingest@2"
"""Who takes webhooks in place of the first while that one is replaced."""
OLDER, NEWER, CONTRACTED = "older", "newer", "contracted"
PREFIX = "rolling."
_ENTRY = Path(__file__).with_name("entry.py")
_PATIENCE = 30.0
Say = Callable[[str], None]


class Ground:
    """Everything ends with this process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._model_port = free_port()
        self._model: ServerProcess | None = None
        self.front = Front()
        self.cluster = Cluster(
            folder,
            Lifetime.WITH_OWNER,
            Durability.PROCESS_CRASH,
            topic_prefix=PREFIX,
            environment=_settings(self._model_port),
        )
        self.exits = folder / "exits"
        self.exits.mkdir()

    def start(self) -> None:
        """All of it, with the services of the older version. Not on an event loop's thread."""
        self.cluster.start_servers()
        hook, known = f"{self.front.url}/webhooks/github", self.cluster.credentials
        self.cluster.forge.start(hook, known.webhook_secret, known.forge_token)
        for name in REPOSITORIES:
            told = {"name": name, "files": {"README.md": f"# {name}\n"}, "permissions": {PERSON: "write"}}
            self.cluster.forge.tell("POST", "/_forge/repositories", told)
        program = str(Path(chaos.__file__).with_name("model.py"))
        command = Command(
            [sys.executable, program, "--port", str(self._model_port), "--seed", "rolling"], self.folder / "model.log"
        )
        self._model = start_process(command)
        self._await_model()
        self.fleet(OLDER).start()

    def stop(self) -> None:
        self.fleet(OLDER, *SERVICES, SPARE).stop()
        if self._model is not None:
            self._model.end()
        self.cluster.down()

    @property
    def instance(self) -> str:
        """What the forge is called in the keys of streams."""
        return self.cluster.forge.url.partition("//")[2]

    def fleet(self, version: str, *services: str) -> Fleet:
        """The services of one version, all when none is named. All versions share ports and pid files: one of each
        service runs."""
        program = (sys.executable, "-P", str(_ENTRY), version, str(self.exits))
        return Fleet(self.folder / "services", self.cluster.told(), services or SERVICES, program=program)

    def exit_codes(self) -> Mapping[int, int]:
        """How those that have ended in order ended, by process id."""
        return {int(path.name): int(path.read_text()) for path in self.exits.iterdir() if path.name.isdigit()}

    def penstock(self, *words: str, version: str = OLDER) -> "subprocess.CompletedProcess[str]":
        """A command as an operator gives it, with the settings of the services."""
        command = [sys.executable, "-P", str(_ENTRY), version, str(self.exits), *words]
        environment = {**os.environ, "PENSTOCK_OPS_PORT": "off", **self.cluster.told()}
        return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=90)

    # The commands of docs/operations.md.

    def dump(self) -> Path:
        backup = self.folder / f"backup-{time.monotonic_ns()}.dump"
        self._postgres("pg_dump", "--format=custom", "--file", str(backup), "--dbname", self.cluster.database_url)
        return backup

    def put_back(self, backup: Path) -> None:
        administration = self.cluster.postgres.url()
        self._postgres("dropdb", "--force", "--maintenance-db", administration, DATABASE)
        self._postgres("createdb", "--maintenance-db", administration, DATABASE)
        self._postgres("pg_restore", "--exit-on-error", "--dbname", self.cluster.database_url, str(backup))

    def lose_kafka(self) -> None:
        """Killed, its data gone; a new and empty cluster answers at the old address."""
        kafka = self.cluster.kafka
        for node in kafka.nodes:
            kafka.kill(node)
            shutil.rmtree(kafka.data_dir / f"node-{node}.data")
        layout = kafka.data_dir / "cluster.json"
        known = json.loads(layout.read_text())
        layout.write_text(json.dumps(known | {"cluster_id": known["cluster_id"].swapcase()}))
        kafka.start()

    def _postgres(self, program: str, *arguments: str) -> None:
        path = postgres_programs(server_user()) / program
        ended = subprocess.run([str(path), *arguments], check=False, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr

    def _await_model(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._model_port}/told", timeout=2):
                    return
            except (urllib.error.URLError, OSError) as error:
                if time.monotonic() > deadline:
                    raise AssertionError("the model does not answer") from error
                time.sleep(0.05)


def _settings(model_port: int) -> dict[str, str]:
    """Real ones, but with short patience."""
    return {
        "PENSTOCK_LLM_URL": f"http://127.0.0.1:{model_port}/v1",
        "PENSTOCK_LLM_MODEL": "nobody",
        "PENSTOCK_LLM_KEY": LLM_KEY,
        "PENSTOCK_LLM_TIMEOUT": "10s",
        "PENSTOCK_MARKER_SECRET": MARKER_SECRET,
        "PENSTOCK_COMMENTER_CALL_TIMEOUT": "2s",
        "PENSTOCK_COMMENTER_SETTLE_DELAY": "1s",
        "PENSTOCK_REREAD_AFTER": "2s",
        **SHORT_RETRIES,
    }


@contextmanager
def opened() -> Iterator[Ground]:
    with disposable_folder() as folder:
        ground = Ground(folder / "cluster")
        try:
            ground.start()
            yield ground
        finally:
            ground.stop()
