"""Rows that only the memory store has as values."""

from dataclasses import dataclass
from datetime import datetime

from penstock_store.cache import CachePlace
from penstock_store.spending import Amount, Reservation


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """Without a value it is only claimed."""

    place: CachePlace
    token: str
    value: bytes | None
    expires_at: datetime
    used_at: datetime

    def claimed_by(self, token: str) -> bool:
        return self.value is None and self.token == token


@dataclass(frozen=True, slots=True)
class SpentCall:
    """A call of a model."""

    reservation: Reservation
    reserved_at: datetime
    settled: Amount | None = None

    @property
    def spent(self) -> Amount:
        return self.reservation.amount if self.settled is None else self.settled
