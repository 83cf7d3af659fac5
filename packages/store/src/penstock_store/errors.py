"""What the store can refuse.

StoreError
├── StoreUnavailable     lost connection, deadlock, disk full: pause and try again
├── StoreRewound         the server crashed and what it had not on disk is gone: read everything again
├── SchemaMismatch       the database is older or newer than this program
├── WrongCredentials     the server refuses the user or the password
├── FenceLost            somebody else holds the lease by now: whoever was frozen must not write
├── BlobMissing          a blob was referred to that is not there
├── CorruptState         a stored state cannot be read
├── BrokenFold           decide or evolve broke the contiguous sequence of a stream
├── RowRefused           the database refuses what one event led to: the fault is the event's
├── EffectUnknown        an effect was begun that was never planned
├── StillOpen            what runs is not put away
├── NotYetApplied        what was accepted and not applied is not put away
└── NotRedrivable        a dead letter that cannot be applied again
"""

from penstock_runtime.errors import Explained


class StoreError(Exception):
    """The store refused."""


class StoreUnavailable(StoreError, Explained):
    """The database cannot be used at the moment; the same call may succeed later."""


class StoreRewound(StoreError, Explained):
    """The database server crashed, and this process holds in memory what may be lost there: start it again, it goes on
    from what the database has."""

    def __init__(self) -> None:
        super().__init__(" ".join((type(self).__doc__ or "").split()))


class SchemaMismatch(StoreError, Explained):
    """The database schema is not the one this program was built for."""

    def __init__(self, found: str, wanted: str, remedy: str) -> None:
        super().__init__(f"database schema is {found}, this program needs {wanted}: {remedy}")
        self.found, self.wanted, self.remedy = found, wanted, remedy


class WrongCredentials(StoreError, Explained):
    """The database refuses the user, the password or a right."""

    def __init__(self, text: str) -> None:
        super().__init__(f"the database refuses these credentials, check PENSTOCK_DATABASE_URL ({text})")


class FenceLost(StoreError):
    """The lease was taken over by another holder."""

    def __init__(self, key: str, fence: int) -> None:
        super().__init__(f"lease {key!r} with fence {fence} is no longer held here")
        self.key, self.fence = key, fence


class BlobMissing(StoreError):
    """A blob that an event refers to is not in the store."""

    def __init__(self, blob: str) -> None:
        super().__init__(f"blob {blob} is not in the store (removed by retention, or the database was restored)")
        self.blob = blob


class CorruptState(StoreError):
    """A stored state cannot be decoded; refolding the stream from its facts repairs it."""


class BrokenFold(StoreError):
    """The facts of a stream must have contiguous sequence numbers."""

    def __init__(self, stream: str, what: str, expected: int) -> None:
        super().__init__(f"stream {stream}: {what}, {expected} was expected")
        self.stream, self.expected = stream, expected


class RowRefused(StoreError):
    """The database refuses these values."""


class NotRedrivable(StoreError):
    """A dead letter that cannot be applied again."""

    def __init__(self, letter_id: str, why: str) -> None:
        super().__init__(f"dead letter {letter_id} cannot be redriven: {why}")
        self.letter_id, self.why = letter_id, why


class StillOpen(StoreError, Explained):
    """Streams with open runs are not forgotten."""

    def __init__(self, streams: tuple[str, ...]) -> None:
        super().__init__(
            f"reviews are open on {', '.join(streams)}: cancel them first (penstock jobs, penstock jobs cancel)"
        )
        self.streams = streams


class NotYetApplied(StoreError, Explained):
    """Streams are not forgotten while something of them waits: its sender was told that it is accepted."""

    def __init__(self, streams: tuple[str, ...]) -> None:
        super().__init__(
            f"something was accepted on {', '.join(streams)} and is not applied yet: wait until it is, with all "
            "services running (penstock up, penstock run); for what is blocked, penstock dlq ls and unblock"
        )
        self.streams = streams


class EffectUnknown(StoreError):
    """An effect has to be planned before it is begun."""

    def __init__(self, effect_id: str) -> None:
        super().__init__(f"effect {effect_id} was never planned")
        self.effect_id = effect_id
