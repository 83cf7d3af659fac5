"""What can keep this service from reading a pull request, beside what platforms and repositories raise.

PrepareError
├── NoAccess            no credential for the platform         permanent
└── NothingInCommon     the branches share no history          permanent
"""


class PrepareError(Exception):
    """The pull request could not be prepared."""


class NoAccess(PrepareError):
    """There is no access to this platform."""

    def __init__(self, platform: str, remedy: str) -> None:
        super().__init__(f"no access to {platform} is configured: {remedy}")


class NothingInCommon(PrepareError):
    """The branch shares no history with its target."""

    def __init__(self, head: str, base: str) -> None:
        super().__init__(f"{head} and {base} share no history, so there is no change that could be reviewed")
