"""What can go wrong with everything in one process.

AloneError
├── TenancyLost
└── DatabaseMoved
"""

from penstock_runtime.errors import Explained


class AloneError(Explained):
    """The one-process installation cannot go on."""


class TenancyLost(AloneError):
    """Another penstock took this database over while this one stood still: start this one again as its standby."""

    def __init__(self) -> None:
        super().__init__((type(self).__doc__ or "").strip())


class DatabaseMoved(AloneError):
    """The embedded database was started again, at another address: start this penstock again, it goes on there."""

    def __init__(self) -> None:
        super().__init__((type(self).__doc__ or "").strip())
