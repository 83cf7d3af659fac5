"""N1 at the platform: what people see when all is over, of every pull request and of the head it has then."""

from collections.abc import Iterator

from penstock_commenter.identity import summary_id
from penstock_contracts.enums import RunOutcome
from penstock_platforms.ports import PullRequestState, StatusState
from tests.sim.cast import MARKERS
from tests.sim.forge import Pull
from tests.sim.progress import Progress
from tests.sim.standing import Standing
from tests.sim.world import World

_REVIEWED = (RunOutcome.REVIEWED, RunOutcome.PARTIAL)


def untold(world: World, number: int, progress: Progress) -> Iterator[str]:
    """`progress` has gone through the facts of its stream."""
    pull, stream = world.pull(number), world.stream(number)
    summaries = [each.body for each in pull.comments.values() if MARKERS.marks(each.body, summary_id(stream))]
    for run in progress.runs.values():
        told = any(each.state is not StatusState.PENDING for each in pull.statuses.get(run.adopted, ()))
        if run.outcome in _REVIEWED and not (told and summaries):
            yield f"N1 run {run.id} ended {run.outcome}, and {run.adopted[:8]} has no status or no summary"
    # By a store whose clock was set forward a write counts as given up that may still land.
    if not (world.forge.lingered or world.ground.clock.jumps):
        unsaid = {run.adopted for run in progress.runs.values() if run.unsaid}
        pending = [head for head in pull.statuses if _pending(pull, head) and head not in unsaid]
        yield from (f"N1 {stream}: {head[:8]} is pending for ever" for head in pending)
        yield from (f"N1 {stream}: {each!r} for ever" for each in summaries if "\n\nReviewing " in each and not unsaid)
    if pull.heads and pull.state is PullRequestState.OPEN and not _accounted(pull, progress):
        runs = [f"{run.id} of {run.adopted[:8] or 'nothing'} {run.outcome}" for run in progress.runs.values()]
        yield f"N1 {stream}: nothing became of {pull.head[:8]}: {runs}"


def _pending(pull: Pull, head: str) -> bool:
    return pull.statuses[head][-1].state is StatusState.PENDING


def _accounted(pull: Pull, progress: Progress) -> bool:
    """Something stands on its head; or a run that was to read it, or the one that replaced that, ended otherwise than
    by being replaced; or nobody was told of it but while automatic reviews were paused, perhaps since it was closed."""
    if pull.head in pull.statuses:
        return True
    runs = list(progress.runs.values())
    first = next((index for index, run in enumerate(runs) if _meant(run, pull.head)), None)
    if first is None:
        return pull.head not in progress.called
    return runs[-1].closed or any(_ended_itself(pull, run) for run in runs[first:])


def _meant(run: Standing, head: str) -> bool:
    return head in (*run.hints, run.read) or _failed_unread(run)


def _ended_itself(pull: Pull, run: Standing) -> bool:
    """One that failed before it read anything has to say so where its webhook named a head."""
    if _failed_unread(run) and run.hint and not run.unsaid:
        return run.hint in pull.statuses
    return run.outcome not in (RunOutcome.SUPERSEDED, *_REVIEWED)


def _failed_unread(run: Standing) -> bool:
    return run.outcome is RunOutcome.FAILED and not run.adopted
