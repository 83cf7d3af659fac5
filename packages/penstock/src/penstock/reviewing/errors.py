"""What can keep `penstock review` from reviewing, beside what repositories and settings raise.

ReviewError
└── NotReviewed       the run ended without a review
"""


class ReviewError(Exception):
    """The review could not be done."""


class NotReviewed(ReviewError):
    """The run ended without a review."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the change could not be reviewed: {reason}")
