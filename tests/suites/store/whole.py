"""All suites of a store: an adapter's test imports these classes, and gives the fixtures store, reopen and later."""

from tests.suites.store.apply import ApplySuite
from tests.suites.store.cache import CacheSuite
from tests.suites.store.crashes import CrashSuite
from tests.suites.store.effects import BlobSuite, EffectSuite, SchemaSuite
from tests.suites.store.folds import FoldSuite
from tests.suites.store.hints import HintSuite
from tests.suites.store.jobs import JobSuite, filled
from tests.suites.store.leases import DeadLetterSuite, DeliverySuite, LeaseSuite
from tests.suites.store.listening import ListeningSuite
from tests.suites.store.outboxes import OutboxSuite
from tests.suites.store.restoring import RestoringSuite
from tests.suites.store.spending import SpendingSuite
from tests.suites.store.stalls import StallSuite
from tests.suites.store.strategies import EncodingSuite
from tests.suites.store.turns import TurnSuite

__all__ = ["WholeSuite", "filled"]


class WholeSuite(
    ApplySuite,
    StallSuite,
    FoldSuite,
    ListeningSuite,
    EncodingSuite,
    CrashSuite,
    OutboxSuite,
    LeaseSuite,
    DeliverySuite,
    DeadLetterSuite,
    BlobSuite,
    EffectSuite,
    CacheSuite,
    SpendingSuite,
    SchemaSuite,
    RestoringSuite,
    JobSuite,
    HintSuite,
    TurnSuite,
):
    """Everything the port promises."""
