"""The forge's memory: records by id and by owner, each change also a line of the journal."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import TypeVar

from penstock_platforms.forge.journal import Journal
from penstock_platforms.forge.model import KINDS, Owner, Pull, Record, Repository

R = TypeVar("R", bound=Record)


class State:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._records: dict[tuple[type[object], int], Record] = {}
        self._owned: dict[tuple[type[object], Owner], dict[int, None]] = defaultdict(dict)
        self._numbers: dict[int, int] = defaultdict(int)
        self._pulls: dict[tuple[int, int], int] = {}
        self._redirects: dict[str, int] = {}
        self._last_id = 1000
        for entry in journal.read():
            self._restore(entry)

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def next_number(self, repository_id: int) -> int:
        self._numbers[repository_id] += 1
        return self._numbers[repository_id]

    def put(self, record: R) -> R:
        self._journal.append({"put": type(record).__name__, "record": asdict(record)})
        self._keep(record)
        return record

    def drop(self, record: Record) -> None:
        self._journal.append({"drop": type(record).__name__, "id": record.id})
        self._forget(type(record), record.id)

    def get(self, kind: type[R], record_id: int) -> R | None:
        found = self._records.get((kind, record_id))
        return found if isinstance(found, kind) else None

    def owned(self, kind: type[R], owner: Owner) -> list[R]:
        """The records of an owner, the oldest first."""
        # Ids grow and an update keeps a key's place, so this is the order of creation.
        found = (self._records[kind, record_id] for record_id in self._owned[kind, owner])
        return [record for record in found if isinstance(record, kind)]

    def repositories(self) -> list[Repository]:
        return self.owned(Repository, ())

    def repository(self, name: str) -> Repository | None:
        return next((each for each in self.repositories() if each.name.lower() == name.lower()), None)

    def renamed(self, name: str) -> Repository | None:
        """The repository that once had this name."""
        return self.get(Repository, self._redirects.get(name.lower(), 0))

    def pull(self, repository_id: int, number: int) -> Pull | None:
        return self.get(Pull, self._pulls.get((repository_id, number), 0))

    def _keep(self, record: Record) -> None:
        before = self._records.get((type(record), record.id))
        if isinstance(before, Repository) and isinstance(record, Repository) and before.name != record.name:
            self._redirects[before.name.lower()] = record.id
        self._records[type(record), record.id] = record
        self._owned[type(record), record.owner][record.id] = None
        self._last_id = max(self._last_id, record.id)
        if isinstance(record, Pull):
            self._pulls[record.repository_id, record.number] = record.id
            self._numbers[record.repository_id] = max(self._numbers[record.repository_id], record.number)

    def _forget(self, kind: type[Record], record_id: int) -> None:
        gone = self._records.pop((kind, record_id), None)
        if gone is not None:
            self._owned[kind, gone.owner].pop(record_id, None)

    def _restore(self, entry: dict[str, object]) -> None:
        if "put" in entry:
            kind, record = KINDS[str(entry["put"])], entry["record"]
            if isinstance(record, dict):
                self._keep(kind(**record))
        else:
            self._forget(KINDS[str(entry["drop"])], int(str(entry["id"])))
