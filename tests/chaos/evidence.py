"""What is kept of a campaign that failed, so that the cause can be found: logs, the ledger, every stored fact."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.at_the_forge import ForgeView
from tests.chaos.at_the_model import Spending
from tests.chaos.in_the_store import StoreView
from tests.chaos.report import Report
from tests.chaos.stage import Stage

FOLDER = Path(".run/chaos")


def keep(stage: Stage, forge: ForgeView, store: StoreView, spending: Spending, report: Report) -> Path:
    """The folder, which replaces that of an earlier run of the same plan."""
    folder = FOLDER / f"seed-{report.plan.seed}{'-twice' if report.plan.twice else ''}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for log in stage.logs():
        shutil.copyfile(log, folder / log.name)
    (folder / "report.txt").write_text(report.text())
    made = sorted(report.made, key=lambda each: each.at)
    (folder / "faults.txt").write_text("".join(f"{each.at.isoformat()} {each}\n" for each in made))
    (folder / "ledger.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in forge.ledger))
    (folder / "deliveries.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in forge.deliveries))
    (folder / "spending.txt").write_text("".join(f"{line}\n" for line in (spending.answered, *spending.calls)))
    (folder / "facts.txt").write_text("".join(f"{line}\n" for line in _facts(store)))
    return folder


def _facts(store: StoreView) -> Iterator[str]:
    for stream, facts in store.facts.items():
        yield f"== {stream}"
        for event in facts:
            said = event.envelope
            about = f"{said.workflow_id} {said.stage} {said.part} {said.attempt}"
            yield f"{said.sequence:4} {said.time.isoformat()} {said.type} {about} {event.fact}"
