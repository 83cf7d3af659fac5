"""Every write that reached the forge, in order, kept for good: what the tests count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from penstock_platforms.forge.journal import Journal


@dataclass(frozen=True, slots=True)
class Write:
    """What a request wanted to write, told from the request alone and the state before it."""

    method: str
    path: str
    kind: str
    account: str = ""
    repository: str = ""
    pull_request: int = 0
    head: str = ""
    detail: str = ""
    markers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    sequence: int
    time: str
    method: str
    path: str
    kind: str
    account: str
    repository: str
    pull_request: int
    head: str
    detail: str
    marker: str
    markers: tuple[str, ...]
    status: int
    answered: bool
    """False when the write was handled and its answer lost on purpose."""

    @property
    def landed(self) -> bool:
        return 200 <= self.status < 300


class Ledger:
    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._now = now
        self._entries = [_restored(entry) for entry in journal.read()]

    def append(self, write: Write, *, status: int, answered: bool) -> None:
        entry = Entry(
            sequence=len(self._entries) + 1,
            time=self._now().isoformat(),
            **asdict(write),
            marker=write.markers[0] if write.markers else "",
            status=status,
            answered=answered,
        )
        self._journal.append(asdict(entry))
        self._entries.append(entry)

    def entries(self, *, after: int = 0, kind: str = "") -> tuple[Entry, ...]:
        """The entries beyond a sequence number, of one kind where one is named."""
        return tuple(entry for entry in self._entries[after:] if kind in ("", entry.kind))


def _restored(entry: dict[str, object]) -> Entry:
    markers = entry["markers"]
    return Entry(**{**entry, "markers": tuple(markers if isinstance(markers, list) else ())})  # type: ignore[arg-type]
