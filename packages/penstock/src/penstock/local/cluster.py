"""Everything on this machine, each as a process of its own: `python -m penstock.local.cluster up|down|status`.

`up` starts what does not run, in this order, and leaves what runs alone: PostgreSQL, Kafka, the tables, the topics, the
bundled forge, the services. `down` ends all of it in the opposite order; data, addresses and secrets stay.
PENSTOCK_DATABASE_URL and PENSTOCK_KAFKA_BOOTSTRAP name servers to use instead of ones of our own.
"""

import argparse
import asyncio
import fcntl
import json
import os
import secrets
import sys
import urllib.error
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from penstock.local.cluster_table import REPOSITORY, next_step, table
from penstock.local.errors import LocalError
from penstock.local.fleet import Fleet
from penstock.local.forge import ForgeProcess
from penstock.local.kafka import KafkaCluster
from penstock.local.kafka_runtimes import kafka_runtime
from penstock.local.postgres import Durability, EmbeddedPostgres
from penstock.local.process import Lifetime
from penstock_eventlog.kafka.config import KafkaAddress
from penstock_eventlog.kafka.log import KafkaLog

DATABASE = "penstock"
FOLDER = Path(".run/cluster")
_EXAMPLE = {"shop/cart.py": "def total(items):\n    return sum(items)\n"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the parts of a cluster know each other by."""

    webhook_secret: str
    forge_token: str
    api_token: str

    @classmethod
    def load_or_choose(cls, path: Path) -> "Credentials":
        if not path.exists():
            chosen = cls(*(secrets.token_urlsafe(24) for _ in range(3)))
            unfinished = path.with_suffix(".unfinished")
            unfinished.touch(mode=0o600)
            unfinished.write_text(json.dumps(asdict(chosen)))
            unfinished.replace(path)
        return cls(**json.loads(path.read_text()))


@dataclass(frozen=True, slots=True)
class Given:
    """Servers that somebody else runs; empty where the cluster runs its own."""

    database_url: str = ""
    bootstrap: str = ""


class Cluster:
    """The cluster of a folder: `postgres/`, `kafka/`, `forge/`, `services/`, `data/`, `credentials.json`."""

    def __init__(
        self,
        folder: Path,
        lifetime: Lifetime = Lifetime.WITH_OWNER,
        durability: Durability = Durability.DURABLE,
        *,
        topic_prefix: str = "",
        environment: Mapping[str, str] | None = None,
        given: Given | None = None,
        kafka: KafkaCluster | None = None,
    ) -> None:
        """`environment` is added to what every service is given; `kafka` is one of another shape than a single node."""
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)  # PostgreSQL may have to run as somebody else
        self.topic_prefix = topic_prefix
        self.given = given or Given()
        self.credentials = Credentials.load_or_choose(self.folder / "credentials.json")
        self.postgres = EmbeddedPostgres(self.folder / "postgres", durability, lifetime)
        self.kafka = kafka or KafkaCluster(self.folder / "kafka", lifetime=lifetime)
        self.forge = ForgeProcess(self.folder / "forge", lifetime)
        self._lifetime = lifetime
        self._environment = dict(environment or {})

    @property
    def database_url(self) -> str:
        return self.given.database_url or self.postgres.url(DATABASE)

    @property
    def bootstrap(self) -> str:
        return self.given.bootstrap or self.kafka.bootstrap

    @property
    def address(self) -> KafkaAddress:
        return KafkaAddress(self.bootstrap, self.topic_prefix)

    @property
    def fleet(self) -> Fleet:
        """The services, told where everything is. Ask again after the servers were started for the first time."""
        return Fleet(self.folder / "services", self.told(), lifetime=self._lifetime)

    def up(self) -> None:
        """Start what does not run, and return when all of it is ready. Raises LocalError."""
        self.start_servers()
        self.start_forge()
        self.fleet.start()

    def start_servers(self) -> None:
        """PostgreSQL with its tables, Kafka with its topics. Not on an event loop's thread."""
        from penstock_store.migrations import upgrade  # costs half a second that `status` need not pay

        with self._locked():
            if not self.given.bootstrap:
                kafka_runtime()  # before anything is started that could not be used
            if not self.given.database_url:
                self.postgres.attach_or_start()
                self._create_database()
            upgrade(self.database_url)
            if not self.given.bootstrap:
                self.kafka.start()
            asyncio.run(self._prepare_topics())

    def start_forge(self) -> None:
        self.forge.start(
            f"{self.fleet.ingest_url}/webhooks/github",
            self.credentials.webhook_secret,
            self.credentials.forge_token,
        )

    def down(self) -> None:
        """End everything in order; what is not ours is left alone."""
        with self._locked():
            self.fleet.stop()
            self.forge.stop()
            self.kafka.stop()
            self.postgres.stop()

    def told(self) -> dict[str, str]:
        """The variables of every service."""
        own = {
            "PENSTOCK_KAFKA_BOOTSTRAP": self.bootstrap,
            "PENSTOCK_TOPIC_PREFIX": self.topic_prefix,
            "PENSTOCK_DATA_DIR": str(self.folder / "data"),
            "PENSTOCK_GITHUB_URL": self.forge.api_url,
            "PENSTOCK_GITHUB_INSTANCE": urlsplit(self.forge.api_url).netloc,
            "PENSTOCK_GITHUB_TOKEN": self.credentials.forge_token,
            "PENSTOCK_WEBHOOK_SECRET_GITHUB": self.credentials.webhook_secret,
            "PENSTOCK_API_TOKEN": self.credentials.api_token,
        }
        if self.given.database_url or (self.postgres.data_dir / "port").exists():
            own["PENSTOCK_DATABASE_URL"] = self.database_url
        return {**own, **self._environment}

    def _create_database(self) -> None:
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            known = connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(f"create database {DATABASE}")

    async def _prepare_topics(self) -> None:
        log = KafkaLog(self.address)
        try:
            await log.prepare()
        finally:
            await log.close()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two who start or end it at once would leave it half started."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="penstock.local.cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["up", "down", "status"])
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"where everything is kept ({FOLDER})")
    chosen = parser.parse_args(arguments)
    given = Given(os.environ.get("PENSTOCK_DATABASE_URL", ""), os.environ.get("PENSTOCK_KAFKA_BOOTSTRAP", ""))
    cluster = Cluster(chosen.folder, Lifetime.DETACHED, given=given)
    try:
        return {"up": _up, "down": _down, "status": _status}[chosen.command](cluster)
    except LocalError as error:
        print(f"{chosen.command} failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; `make down` ends what was started", file=sys.stderr)
        return 130


def _up(cluster: Cluster) -> int:
    cluster.up()
    try:
        cluster.forge.tell("POST", "/_forge/repositories", {"name": REPOSITORY, "files": _EXAMPLE})
    except urllib.error.HTTPError as error:
        if error.code != 422:  # it is there from the last time
            raise
    print(table(cluster))
    print(next_step(cluster))
    return 0


def _down(cluster: Cluster) -> int:
    cluster.down()
    print(f"everything of {cluster.folder} is stopped; its data stays, `make up` goes on with it")
    return 0


def _status(cluster: Cluster) -> int:
    """1 when something does not run or is not ready."""
    print(table(cluster))
    fleet = cluster.fleet
    return 0 if all(fleet.ready(service) for service in fleet.services) and cluster.forge.answers() else 1


if __name__ == "__main__":
    sys.exit(main())
