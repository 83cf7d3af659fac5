"""PURE: a run begins."""

from penstock_contracts.enums import PullRequestKind, Stage
from penstock_contracts.facts import PrReceived, WorkflowOpened
from penstock_contracts.ids import run_id
from penstock_orchestrator.decision import Decision


def open_run(decision: Decision, cause_id: str, fact: PrReceived, full: bool = False) -> None:
    start(
        decision,
        cause_id,
        kind=fact.kind,
        hint_head=fact.hint_head,
        sender=fact.sender,
        command=fact.command,
        command_argument=fact.command_argument,
        forced=fact.kind is PullRequestKind.COMMAND,
        full=full,
    )


def start(
    decision: Decision,
    cause_id: str,
    *,
    kind: PullRequestKind,
    hint_head: str = "",
    sender: str = "",
    command: str = "",
    command_argument: str = "",
    forced: bool = False,
    full: bool = False,
    replays: str = "",
) -> None:
    """One cause opens one run, however often it is told."""
    state = decision.state
    reference = state.pull_request
    new = run_id(state.stream, cause_id)
    if reference is None or new in state.runs or new in state.ended:
        decision.ignore("this cause has its run already" if reference else "no pull request is known here yet")
        return
    opened = WorkflowOpened(
        run_id=new,
        cause_id=cause_id,
        kind=kind,
        pull_request=reference,
        hint_head=hint_head,
        due=decision.now + decision.rules.run_deadline,
        sender=sender,
        command=command,
        command_argument=command_argument,
        forced=forced,
        full=full,
        replays=replays,
    )
    decision.say(opened, new)
    decision.ask(decision.run(new), Stage.PREPARE)
