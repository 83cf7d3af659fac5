"""Everything a campaign runs on, in one disposable folder: a cluster, the model, and the one who says all twice."""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from penstock.local.cluster import Cluster
from penstock.local.ports import free_port
from penstock.local.postgres import Durability
from penstock.local.process import Command, Lifetime, ServerProcess, start_process
from tests.chaos.plan import REPOSITORIES, SERVICES, Plan
from tests.support.folders import disposable_folder

MARKER_SECRET = "marks of the campaign"
LLM_KEY = "key-of-the-campaign"
_PATIENCE = 30.0


class Stage:
    """Started with `open`; everything ends with this process, however that ends."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self._plan = plan
        self._model_port = free_port()
        self._helpers: list[ServerProcess] = []
        self.cluster = Cluster(
            folder, Lifetime.WITH_OWNER, Durability.PROCESS_CRASH, topic_prefix="chaos.", environment=self._settings()
        )
        self.fleet = self.cluster.fleet

    @property
    def model_url(self) -> str:
        return f"http://127.0.0.1:{self._model_port}"

    def start(self) -> None:
        """Not on an event loop's thread."""
        self.cluster.start_servers()
        self.cluster.start_forge()
        for name in REPOSITORIES:
            files = {"README.md": f"# {name}\n"}
            self.cluster.forge.tell("POST", "/_forge/repositories", {"name": name, "files": files})
        self._help("model", "--port", str(self._model_port), "--seed", f"{self._plan.seed} model")
        if self._plan.twice:
            self._help("duplicator", "--bootstrap", self.cluster.bootstrap, "--prefix", self.cluster.topic_prefix)
        self._await_model()
        self.fleet = self.cluster.fleet
        self.fleet.start(*SERVICES)

    def stop(self) -> None:
        """In order, as an operator would; then what is left over is to be nothing."""
        for helper in self._helpers:
            helper.end()
        self.cluster.down()

    def left_over(self) -> list[str]:
        """Programs of this stage that run and that nobody started or nobody ended."""
        known = {self.fleet.pid(service) for service in SERVICES}
        return [_described(each) for each in psutil.process_iter() if self._is_stray(each, known)]

    def _is_stray(self, process: psutil.Process, known: set[int | None]) -> bool:
        """A child of a service whose service is dead, or a service that no pid file speaks of."""
        try:
            ours = process.environ().get("PENSTOCK_STEPS_FILE", "").startswith(str(self.folder))
            family = {process.pid, *(parent.pid for parent in process.parents())}
        except psutil.Error:
            return False
        return ours and not family & known

    def _settings(self) -> dict[str, str]:
        """Real ones, but with short patience: what takes minutes in a quiet world has to happen within one run."""
        return {
            "PENSTOCK_LLM_URL": f"{self.model_url}/v1",
            "PENSTOCK_LLM_MODEL": "nobody",
            "PENSTOCK_LLM_KEY": LLM_KEY,
            "PENSTOCK_LLM_TIMEOUT": "10s",
            "PENSTOCK_MARKER_SECRET": MARKER_SECRET,
            "PENSTOCK_COMMENTER_CALL_TIMEOUT": "2s",
            "PENSTOCK_COMMENTER_SETTLE_DELAY": "1s",
            "PENSTOCK_REREAD_AFTER": "2s",
            "PENSTOCK_RETRY_PREPARE": "fast,attempts=8,cap=5",
            "PENSTOCK_RETRY_AST": "fast,attempts=8,cap=5",
            "PENSTOCK_RETRY_MODEL": "fast,attempts=8,cap=5",
            "PENSTOCK_RETRY_COMMENTS": "fast,attempts=20,cap=5",
        }

    def _help(self, name: str, *arguments: str) -> None:
        program = str(Path(__file__).with_name(f"{name}.py"))
        command = Command([sys.executable, program, *arguments], self.folder / f"{name}.log")
        self._helpers.append(start_process(command))

    def _await_model(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                with urllib.request.urlopen(f"{self.model_url}/told", timeout=2):
                    return
            except (urllib.error.URLError, OSError) as error:
                if time.monotonic() > deadline:
                    raise AssertionError("the model does not answer") from error
                time.sleep(0.05)


def _described(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:120]}"
    except psutil.Error:
        return str(process.pid)


@contextmanager
def opened(plan: Plan) -> Iterator[Stage]:
    """A started stage, which leaves nothing behind: no process, no folder."""
    with disposable_folder() as folder:
        stage = Stage(folder / "cluster", plan)
        try:
            stage.start()
            yield stage
        finally:
            stage.stop()
