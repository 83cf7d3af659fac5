"""What the commenter reads from its environment, beside what every worker reads."""

from dataclasses import dataclass

from penstock_commenter.tenure import Timing
from penstock_platforms.ports import StatusState
from penstock_runtime import parsers
from penstock_runtime.parsers import Secret
from penstock_runtime.settings import setting


@dataclass(frozen=True, slots=True)
class CommenterSettings:
    context: str = setting(
        "PENSTOCK_STATUS_CONTEXT", parsers.text, "penstock", about="the name of the status on a commit"
    )
    on_failure: str = setting(
        "PENSTOCK_STATUS_ON_FAILURE",
        parsers.one_of("neutral", "failure"),
        "neutral",
        about="whether a review that failed blocks a merge",
    )
    public_url: str | None = setting(
        "PENSTOCK_PUBLIC_URL", parsers.url("https", "http"), None, about="where people reach the console, for links"
    )
    marker_secret: Secret | None = setting(
        "PENSTOCK_MARKER_SECRET",
        parsers.secret,
        None,
        about="the first key of the hidden marks in what we post, which the database then keeps; without it one is "
        "made from the platforms' tokens",
    )
    call_seconds: float = setting(
        "PENSTOCK_COMMENTER_CALL_TIMEOUT",
        parsers.duration("1s"),
        10.0,
        about="how long one call to a platform may take; a lease lasts four times as long",
    )
    settle_seconds: float = setting(
        "PENSTOCK_COMMENTER_SETTLE_DELAY",
        parsers.duration("1s"),
        10.0,
        about="how long after its time-out a lost write may still land",
    )

    @property
    def timing(self) -> Timing:
        return Timing(self.call_seconds, self.settle_seconds)

    @property
    def failed_status(self) -> StatusState:
        """GitHub knows no neutral status: what does not block is a success that says what happened."""
        return StatusState.FAILURE if self.on_failure == "failure" else StatusState.SUCCESS
