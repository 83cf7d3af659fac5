"""What local servers are given and told, without starting any."""

import os
from pathlib import Path

import pytest

from penstock.local.errors import KafkaUnavailable, PostgresUnavailable
from penstock.local.fleet import Fleet
from penstock.local.kafka_nodes import Detour, Layout, node_properties
from penstock.local.kafka_runtimes import DockerRuntime, docker_answers, kafka_runtime
from penstock.local.placement import copy_once, reachable, server_user
from penstock.local.ports import free_ports, is_free
from penstock.local.postgres import AttachedPostgres
from penstock.local.process import Lifetime, ServerProcess, SystemUser

STRANGER = SystemUser(uid=54321, gid=54321)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PENSTOCK_CACHE_DIR", str(tmp_path / "cache"))
    return folder


def put_program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def properties_of(brokers: int, folder: Path) -> dict[str, str]:
    layout = Layout.load_or_choose(folder / "cluster.json", brokers)
    text = node_properties(layout, layout.nodes[0], folder / "data", {"num.partitions": "3"})
    return dict(line.split("=", 1) for line in text.splitlines())


def test_the_message_of_an_error_says_what_to_do() -> None:
    message = str(PostgresUnavailable(reason="no wheel"))
    assert message.startswith("There is no PostgreSQL to start on this machine: no wheel.")
    assert message.endswith("Give the address of a running server in PENSTOCK_DATABASE_URL.")


def test_without_java_and_docker_the_remedies_are_named(programs: Path) -> None:
    with pytest.raises(KafkaUnavailable, match=r"there is no Java, and no Docker .*Install Java 17 and Maven"):
        kafka_runtime()


def test_an_old_java_is_not_used(programs: Path) -> None:
    put_program(programs, "java", """echo 'openjdk version "11.0.2" 2019-01-15' >&2""")
    with pytest.raises(KafkaUnavailable, match="Java 17 is needed and 11 is installed"):
        kafka_runtime()


def test_java_without_maven_is_not_enough(programs: Path) -> None:
    put_program(programs, "java", """echo 'openjdk version "17.0.15" 2025-04-15' >&2""")
    with pytest.raises(KafkaUnavailable, match="there is no Maven"):
        kafka_runtime()


def test_docker_is_used_where_its_daemon_answers(programs: Path) -> None:
    put_program(programs, "docker", "echo 28.2.2")
    assert isinstance(kafka_runtime(), DockerRuntime)


@pytest.mark.parametrize("script", ["echo cannot connect >&2; exit 1", "echo"])
def test_a_docker_client_without_a_daemon_is_none(script: str, programs: Path) -> None:
    put_program(programs, "docker", script)
    assert not docker_answers()


def test_a_container_that_belongs_to_a_process_ends_with_its_input(programs: Path, tmp_path: Path) -> None:
    put_program(programs, "docker", "exit 0")
    runtime = DockerRuntime(image="kafka:test")
    owned = runtime.command("node", tmp_path, Lifetime.WITH_OWNER, "kafka.Kafka", "node.properties")
    detached = runtime.command("node", tmp_path, Lifetime.DETACHED, "kafka.Kafka", "node.properties")
    assert "cat >/dev/null; kill -9 $server" in " ".join(owned)
    assert "cat" not in " ".join(detached)
    assert owned[-3:] == detached[-3:] == ["/opt/kafka/bin/kafka-run-class.sh", "kafka.Kafka", "node.properties"]
    assert f"{tmp_path}:{tmp_path}" in owned


def test_a_cluster_keeps_its_addresses(tmp_path: Path) -> None:
    first = Layout.load_or_choose(tmp_path / "cluster.json", 3)
    assert Layout.load_or_choose(tmp_path / "cluster.json", 1) == first
    assert len(set(first.bootstrap.split(","))) == 3


@pytest.mark.parametrize(("brokers", "replicas", "in_sync"), [(1, "1", "1"), (2, "2", "1"), (3, "3", "2")])
def test_replicas_fit_the_number_of_brokers(brokers: int, replicas: str, in_sync: str, tmp_path: Path) -> None:
    properties = properties_of(brokers, tmp_path)
    assert properties["default.replication.factor"] == replicas
    assert properties["offsets.topic.replication.factor"] == replicas
    assert properties["min.insync.replicas"] == in_sync


def test_a_detour_is_a_listener_of_its_own_whose_clients_are_told_to_come_to_the_proxy(tmp_path: Path) -> None:
    layout = Layout.load_or_choose(tmp_path / "cluster.json", 1)
    text = node_properties(layout, layout.nodes[0], tmp_path / "data", {}, Detour(port=1001, advertised=1002))
    properties = dict(line.split("=", 1) for line in text.splitlines())
    assert properties["listeners"].endswith(",DETOUR://127.0.0.1:1001")
    assert properties["advertised.listeners"].endswith(",DETOUR://127.0.0.1:1002")


def test_a_service_that_runs_several_times_has_a_place_and_a_port_for_each(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, {}, ["commenter", "commenter@2"])
    assert fleet.operations_url("commenter") != fleet.operations_url("commenter@2")
    assert fleet.log("commenter@2").name == "commenter@2.log"


def test_a_second_ingest_has_a_public_port_of_its_own_which_is_kept(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, {}, ["ingest", "ingest@2"])
    assert fleet.public_url("ingest") == fleet.ingest_url != fleet.public_url("ingest@2")
    assert Fleet(tmp_path, {}, ["ingest@2"]).public_url("ingest@2") == fleet.public_url("ingest@2")


def test_given_settings_win(tmp_path: Path) -> None:
    assert properties_of(1, tmp_path)["num.partitions"] == "3"


def test_ports_are_different_and_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)


def test_a_folder_below_a_closed_one_cannot_be_reached_by_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "open").mkdir(parents=True)
    closed.chmod(0o700)
    assert not reachable(closed / "open", STRANGER)
    assert reachable(closed / "open", None)


def test_the_owner_of_a_closed_folder_passes_it(tmp_path: Path) -> None:
    owner = SystemUser(uid=os.getuid(), gid=os.getgid())
    tmp_path.chmod(0o700)
    assert reachable(tmp_path, owner) is reachable(tmp_path.parent, owner)


def test_only_root_needs_another_user_for_its_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert server_user() is None
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    nobody = server_user()
    assert nobody
    assert nobody.uid != 0


def test_a_copy_is_made_once(tmp_path: Path) -> None:
    (tmp_path / "from" / "part").mkdir(parents=True)
    (tmp_path / "from" / "part" / "file").write_text("first")
    for text in ("second", "third"):
        copy_once([tmp_path / "from" / "part"], tmp_path / "from", tmp_path / "to")
        (tmp_path / "from" / "part" / "file").write_text(text)
    assert (tmp_path / "to" / "part" / "file").read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from", "to"]


def test_a_process_of_the_same_number_but_another_time_is_not_ours(tmp_path: Path) -> None:
    ServerProcess(pid=os.getpid(), created=1.0).save(tmp_path / "pid")
    assert ServerProcess.load(tmp_path / "pid") is None


@pytest.mark.parametrize("content", ["", "12", '{"pid": 1}', "[]"])
def test_a_broken_pid_file_names_no_process(content: str, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(content)
    assert ServerProcess.load(tmp_path / "pid") is None


def test_the_address_of_another_database_keeps_everything_else() -> None:
    server = AttachedPostgres("postgresql://me:secret@db.example.org:5433/one?sslmode=require")
    assert server.url("two") == "postgresql://me:secret@db.example.org:5433/two?sslmode=require"
