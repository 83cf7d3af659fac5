"""`penstock db refold` on the store in memory, with the orchestrator's own fold."""

import io
from pathlib import Path

import msgspec
import pytest

from penstock.cli import main
from penstock.demo.telling import Told, tell
from penstock.operating.database import refold
from penstock.operating.ending import DONE, MISUSED, REFUSED
from penstock_console.views import Job
from penstock_contracts.enums import Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import StreamState
from penstock_runtime.clock import ManualClock
from penstock_runtime.retry import STANDARD
from penstock_store.memory.store import MemoryStore
from tests.support.toy_fold import received
from tests.unit.penstock_console.place import RUN

RULES = Rules(schedules=dict.fromkeys(Stage, STANDARD))
FOLD = OrchestratorFold(RULES)
STREAM = "toy:host:1:7"


class Forgetful(OrchestratorFold):
    """A version whose evolve leads elsewhere, without saying so by its number."""

    def evolve(self, state: StreamState, stored: Event[Fact]) -> StreamState:
        return msgspec.structs.replace(super().evolve(state, stored), subject="somebody else's")


@pytest.fixture
async def store() -> MemoryStore:
    made = MemoryStore(ManualClock())
    await made.streams.apply("orchestrator", [received("e-1")], FOLD)
    return made


@pytest.mark.parametrize("command", [["db", "check"], ["db", "refold"]])
def test_without_a_database_the_commands_name_both_variables(
    command: list[str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("PENSTOCK_DATABASE_URL", raising=False)
    monkeypatch.setenv("PENSTOCK_DATA_DIR", str(tmp_path_factory.mktemp("nothing")))
    assert main(command) == MISUSED
    told = capsys.readouterr().err
    assert "PENSTOCK_DATABASE_URL" in told
    assert "PENSTOCK_DATA_DIR" in told
    assert "`penstock up --demo` has a folder of its own" in told


def test_the_demonstration_names_the_folder_with_its_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever PENSTOCK_DATA_DIR says, its data lies elsewhere."""
    job = Job.model_validate(RUN)
    tell(Told("http://forge/pull/1", "http://api", tmp_path / "a b", "Title", (), (), (), (), job, ()))
    assert f"PENSTOCK_DATA_DIR='{tmp_path}/a b' penstock db" in capsys.readouterr().out


async def test_refold_names_the_streams_that_differ(store: MemoryStore) -> None:
    out = io.StringIO()
    assert await refold(store.streams, FOLD, "", out) == DONE
    assert out.getvalue() == "1 streams folded again, 0 differ from what is stored\n"
    out = io.StringIO()
    assert await refold(store.streams, Forgetful(RULES), "", out) == REFUSED
    assert out.getvalue().startswith(f"{STREAM}: the facts lead to another state")


async def test_refold_of_a_stream_that_is_not_there_says_so(store: MemoryStore) -> None:
    out = io.StringIO()
    assert await refold(store.streams, FOLD, "toy:host:1:8", out) == REFUSED
    assert out.getvalue() == "toy:host:1:8: there is no such stream\n"
