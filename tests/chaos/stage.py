"""Everything a campaign runs on, in one disposable folder: a cluster, the model, the network between them, and the one
who says all twice."""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import psycopg

from penstock.local.cluster import Cluster
from penstock.local.fleet import PROGRAM, Fleet
from penstock.local.kafka import KafkaCluster
from penstock.local.kafka_nodes import Detour
from penstock.local.ports import free_ports
from penstock.local.postgres import Durability
from penstock.local.process import Command, Lifetime, ServerProcess, start_process
from penstock_orchestrator.settings import OrchestratorSettings
from penstock_runtime.settings import load
from tests.chaos.at_the_model import REVIEW_TOKENS
from tests.chaos.faults import Impossible
from tests.chaos.plan import BROKER, PERSON, POSTGRES, REPOSITORIES, SERVICES, Kind, Plan
from tests.chaos.skewed import clock_beside, set_wrong
from tests.chaos.small_disk import mount_small_disk, unmount
from tests.support.folders import disposable_folder

MARKER_SECRET = "marks of the campaign"
LLM_KEY = "key-of-the-campaign"
_DEFAULTS = load(OrchestratorSettings, {})
SHORT_RETRIES = {
    name: str(replace(policy, base=0.1, cap=5.0))
    for name, policy in (
        ("PENSTOCK_RETRY_PREPARE", _DEFAULTS.retry_prepare),
        ("PENSTOCK_RETRY_AST", _DEFAULTS.retry_analysis),
        ("PENSTOCK_RETRY_MODEL", _DEFAULTS.retry_model),
        ("PENSTOCK_RETRY_COMMENTS", _DEFAULTS.retry_comments),
    )
}
"""As many attempts as by default, sooner after each other."""
SHORTENED = {
    "PENSTOCK_LLM_TIMEOUT": "10s",
    "PENSTOCK_COMMENTER_CALL_TIMEOUT": "3s",
    "PENSTOCK_COMMENTER_SETTLE_DELAY": "5s",
    "PENSTOCK_REREAD_AFTER": "2s",
    **SHORT_RETRIES,
}
"""What is shorter than by default: what takes minutes in a quiet world has to happen within one campaign."""
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the proxy listens, and what is not the cluster's own to choose."""

    control: int
    model: int
    postgres: int
    forge: int
    model_way: int
    webhooks: int
    console: int

    @classmethod
    def choose(cls) -> "Ports":
        return cls(*free_ports(7))


class Stage:
    """Started with `open`; everything ends with this process, however that ends."""

    fleet: Fleet

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        """Without what this machine does not let us do."""
        self.skipped: list[str] = []
        self.ports = Ports.choose()
        self._rng = plan.random("clocks")
        self._helpers: list[ServerProcess] = []
        numbers = free_ports(2 * plan.brokers)
        self._detours = [Detour(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
        kafka = KafkaCluster(folder / "kafka", plan.brokers, detours=self._detours)
        self.cluster = Cluster(
            folder,
            Lifetime.WITH_OWNER,
            Durability.PROCESS_CRASH,
            topic_prefix="chaos.",
            environment=self._settings(),
            kafka=kafka,
        )

    @property
    def model_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.model}"

    @property
    def console_url(self) -> str:
        """As people reach it."""
        return f"http://127.0.0.1:{self.ports.console}"

    @property
    def instance(self) -> str:
        """What the forge is called in the keys of streams, after the address at which services know it."""
        return f"127.0.0.1:{self.ports.forge}"

    def logs(self) -> list[Path]:
        """Of services, servers and helpers."""
        return [log for where in ("*.log", "*/*.log") for log in sorted(self.folder.glob(where))]

    def start(self) -> None:
        """On the main thread, before any other is started, and not on that of an event loop."""
        if Kind.DISK in self.plan.kinds:
            self._mount()
        self.cluster.start_servers()
        self._keep_log_small()
        self.fleet = self._fleet()
        self._help("model", "--port", str(self.ports.model), "--seed", f"{self.plan.seed} model")
        self._help("proxy", "--control", str(self.ports.control), *self._ways())
        if self.plan.twice:
            self._help("duplicator", "--bootstrap", self.cluster.bootstrap, "--prefix", self.cluster.topic_prefix)
        self._start_forge()
        self._await_model()
        for service in SERVICES:
            self.skew(service)
        self.fleet.start(*SERVICES)

    def stop(self) -> None:
        """In order, as an operator would; then what is left over is to be nothing."""
        if hasattr(self, "fleet"):
            self.fleet.stop()
        for helper in self._helpers:
            helper.end()
        self.cluster.down()
        unmount(self.cluster.postgres.data_dir)

    def skew(self, service: str) -> None:
        """Its clock goes wrong from now on, in another way than before."""
        if Kind.CLOCK in self.plan.kinds:
            set_wrong(clock_beside(self.fleet.folder / f"{service}.steps"), self._rng)

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
        """Real ones, but with short patience."""
        return {
            "PENSTOCK_LLM_URL": f"http://127.0.0.1:{self.ports.model_way}/v1",
            "PENSTOCK_LLM_MODEL": "nobody",
            "PENSTOCK_LLM_KEY": LLM_KEY,
            "PENSTOCK_LLM_REVIEW_TOKENS": str(REVIEW_TOKENS),
            "PENSTOCK_MARKER_SECRET": MARKER_SECRET,
            **SHORTENED,
        }

    def _mount(self) -> None:
        try:
            mount_small_disk(self.cluster.postgres.data_dir)
        except Impossible as reason:
            self.skipped.append(f"NOT MADE: {Kind.DISK}: {reason}")
            self.plan = replace(self.plan, kinds=self.plan.kinds - {Kind.DISK})

    def _keep_log_small(self) -> None:
        """So that what lies on the small disk is data."""
        with psycopg.connect(self.cluster.database_url, autocommit=True) as connection:
            connection.execute("alter system set max_wal_size = '192MB'")
            connection.execute("select pg_reload_conf()")

    def _fleet(self) -> Fleet:
        """Services whose connections all lead through the proxy."""
        direct = f":{self.cluster.postgres.port}/"
        between = {
            "PENSTOCK_DATABASE_URL": self.cluster.database_url.replace(direct, f":{self.ports.postgres}/"),
            "PENSTOCK_KAFKA_BOOTSTRAP": ",".join(f"127.0.0.1:{each.advertised}" for each in self._detours),
            "PENSTOCK_GITHUB_URL": f"http://{self.instance}/api/v3",
        }
        wrong = (sys.executable, str(Path(__file__).with_name("skewed.py")))
        program = wrong if Kind.CLOCK in self.plan.kinds else PROGRAM
        return Fleet(self.folder / "services", {**self.cluster.told(), **between}, SERVICES, program=program)

    def _ways(self) -> list[str]:
        urls = (self.cluster.forge.url, self.fleet.ingest_url, self.fleet.console_url)
        forge, ingest, console = (int(url.rpartition(":")[2]) for url in urls)
        ways = [
            *((BROKER, each.advertised, each.port) for each in self._detours),
            (POSTGRES, self.ports.postgres, self.cluster.postgres.port),
            ("forge", self.ports.forge, forge),
            ("model", self.ports.model_way, self.ports.model),
            ("webhooks", self.ports.webhooks, ingest),
            ("console", self.ports.console, console),
        ]
        return [f"--way={name}={listen}:{target}" for name, listen, target in ways]

    def _start_forge(self) -> None:
        forge, known = self.cluster.forge, self.cluster.credentials
        hook = f"http://127.0.0.1:{self.ports.webhooks}/webhooks/github"
        forge.start(hook, known.webhook_secret, known.forge_token)
        for name in REPOSITORIES:
            told = {"name": name, "files": {"README.md": f"# {name}\n"}, "permissions": {PERSON: "write"}}
            forge.tell("POST", "/_forge/repositories", told)

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
