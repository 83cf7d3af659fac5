"""A token that is exchanged: what was said with the old one is found again with the new one."""

import signal
from dataclasses import replace

from penstock_platforms.forge.faults import Fault, FaultKind
from penstock_platforms.forge.model import ReviewComment
from tests.support.waiting import eventually
from tests.trouble.stage import NEW_TOKEN, Stage, all_but, ended, started

COMMENTER = "penstock_commenter"
PATIENT = {
    "PENSTOCK_COMMENTER_CALL_TIMEOUT": "2s",
    "PENSTOCK_COMMENTER_SETTLE_DELAY": "1s",
    "PENSTOCK_RETRY_COMMENTS": "standard,base=0.1,cap=0.2,attempts=6",
}


async def test_a_review_that_was_in_flight_when_the_token_was_exchanged_is_said_once(place: Stage) -> None:
    place = replace(place, environment={**place.environment, **PATIENT})
    async with all_but(place, "commenter"):
        killed = place.start(COMMENTER)
        await started(killed)
        place.forge.faults.add(Fault(FaultKind.HANG_AFTER, "POST", "/reviews$"))
        repository = await place.repository()
        pull = await place.pull_request(repository)
        await eventually(lambda: place.reviews() == 1, 30, what="a review of which no answer came back")
        killed.send(signal.SIGKILL)
        await ended(killed)

        await started(place.start(COMMENTER, PENSTOCK_GITHUB_TOKEN=NEW_TOKEN))
        (run,) = await place.over(within=60)
        inline = place.forge.world.state.owned(ReviewComment, (repository.id, pull.number))

    assert (run["status"], run["outcome"]) == ("COMPLETED", "reviewed")
    assert (place.reviews(), len(place.summaries(pull.number))) == (1, 1)
    assert len({(comment.path, comment.line) for comment in inline}) == len(inline)
