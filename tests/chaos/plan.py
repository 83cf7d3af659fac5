"""What a campaign is to do, all of it drawn from one seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from types import MappingProxyType

SERVICES = (
    "ingest",
    "orchestrator",
    "orchestrator@2",
    "prepare",
    "ast",
    "llm-review",
    "commenter",
    "commenter@2",
    "console",
)
"""Two of those that keep leases, so that somebody is there to take over what a frozen one holds."""
RELAY = "relay"
"""The relay runs in the orchestrator's process: it is struck when that process's last step is one of the relay's."""
BROKER, POSTGRES = "broker", "postgres"
WAYS = (BROKER, POSTGRES, "forge", "model", "webhooks", "console")
"""What a connection leads to: those of services to servers, that of the forge to ingest, those of people to the
console."""
REPOSITORIES = ("acme/shop", "acme/bank", "acme/post")
PERSON = "alice"
"""Whose commands count, since she may write to the repositories."""


class Kind(StrEnum):
    KILL = "kill -9"
    BOUNCE = "kill -9 of a server"
    FREEZE = "frozen"
    HANG = "server frozen"
    LEASE = "frozen past its lease"
    DELAY = "network delays"
    RESET = "network resets"
    HALF_CLOSE = "network half-closes"
    DROP = "network drops"
    CLOCK = "clock jumps"
    DISK = "disk full"


class Deed(StrEnum):
    """What people do to a pull request after it was opened."""

    PUSH = "push"
    FORCE_PUSH = "force-push"
    CLOSE = "close"
    MERGE = "merge"
    REOPEN = "close and reopen"
    COMMAND = "comment with a command"
    PAUSE = "pause and resume"
    CANCEL = "cancel"


ON_THE_PLATFORM = frozenset({Deed.PUSH, Deed.FORCE_PUSH, Deed.CLOSE})
"""Those that need nobody but the platform, and after which every open pull request is reviewed at its last head."""
DEEDS: Mapping[Deed, float] = MappingProxyType(
    {
        Deed.PUSH: 0.2,
        Deed.FORCE_PUSH: 0.05,
        Deed.CLOSE: 0.05,
        Deed.MERGE: 0.02,
        Deed.REOPEN: 0.03,
        Deed.COMMAND: 0.05,
        Deed.PAUSE: 0.03,
        Deed.CANCEL: 0.02,
    }
)
"""The share of the pull requests of each; the others are left alone."""
FREEZING = frozenset({Kind.FREEZE, Kind.HANG, Kind.LEASE})
"""After these, and after these alone, something may be doubled for a moment (N2)."""
SHARES: Mapping[Kind, float] = MappingProxyType(
    {
        Kind.KILL: 0.54,
        Kind.BOUNCE: 0.04,
        Kind.FREEZE: 0.05,
        Kind.HANG: 0.02,
        Kind.LEASE: 0.02,
        Kind.DELAY: 0.08,
        Kind.RESET: 0.08,
        Kind.HALF_CLOSE: 0.06,
        Kind.DROP: 0.05,
        Kind.CLOCK: 0.05,
        Kind.DISK: 0.01,
    }
)
LASTING: Mapping[Kind, tuple[float, float]] = MappingProxyType(
    {
        Kind.FREEZE: (5.0, 90.0),
        Kind.HANG: (5.0, 20.0),
        Kind.LEASE: (12.0, 25.0),
        Kind.DELAY: (2.0, 10.0),
        Kind.RESET: (0.0, 2.0),
        Kind.HALF_CLOSE: (0.0, 1.0),
        Kind.DROP: (1.0, 10.0),
        Kind.DISK: (2.0, 8.0),
    }
)
"""Seconds at least and at most; short ones are more often drawn than long ones."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    victim: str
    """A process, a server, or what a connection leads to; empty where only the moment can tell."""
    seconds: float = 0.0
    """How long it lasts; what is killed comes back as soon as it can."""


@dataclass(frozen=True, slots=True)
class Plan:
    pull_requests: int
    faults: int
    seed: int
    striking: float
    """Seconds over which faults are made."""
    limit: float
    """Seconds from the first pull request until everything is to be over."""
    twice: bool = False
    """Whether every record is delivered twice."""
    brokers: int = 1
    kinds: frozenset[Kind] = field(default=frozenset(SHARES))
    deeds: frozenset[Deed] = field(default=frozenset(DEEDS))
    in_hand: float = 0.5
    """The share of the kills that must hit somebody with something in hand, or the campaign proves too little."""

    @property
    def opening(self) -> float:
        """Seconds over which pull requests are opened: nearly as long as there are faults, so that these find work."""
        return self.striking * 0.95

    @property
    def longest(self) -> float:
        """No fault takes more of a short campaign than a quarter."""
        return self.striking / 4

    def random(self, purpose: str) -> Random:
        """One for each purpose: what one of them draws changes nothing for the others."""
        return Random(f"{self.seed} {purpose}")

    def done(self) -> list[Deed | None]:
        """What is done to each pull request, by its index: each deed at least once where there is room."""
        rng = self.random("deeds")
        shares: dict[Deed | None, float] = {deed: share for deed, share in DEEDS.items() if deed in self.deeds}
        each = list(shares) if len(shares) <= self.pull_requests else []
        shares[None] = 1.0 - sum(shares.values())
        deeds = each + rng.choices(list(shares), list(shares.values()), k=self.pull_requests - len(each))
        rng.shuffle(deeds)
        return deeds

    def drawn(self) -> list[Fault]:
        """In which order they are made: kinds by their shares, each at least once where there is room; the processes
        of ours in rounds."""
        rng = self.random("faults")
        rounds = self._rounds(rng)
        return [self._fault(kind, rounds, rng) for kind in self._kinds(rng)]

    def _kinds(self, rng: Random) -> list[Kind]:
        shares = {kind: share for kind, share in SHARES.items() if kind in self.kinds}
        each = [kind for kind in shares if len(shares) <= self.faults]
        kinds = each + rng.choices(list(shares), list(shares.values()), k=self.faults - len(each))
        rng.shuffle(kinds)
        return kinds

    def _rounds(self, rng: Random) -> Iterator[str]:
        while True:
            yield from rng.sample((*SERVICES, RELAY), len(SERVICES) + 1)

    def _fault(self, kind: Kind, rounds: Iterator[str], rng: Random) -> Fault:
        match kind:
            case Kind.KILL:
                victim = next(rounds)
            case Kind.BOUNCE:
                victim = rng.choice((BROKER, POSTGRES, POSTGRES))
            case Kind.HANG:
                victim = rng.choice((BROKER, POSTGRES))
            case Kind.FREEZE | Kind.CLOCK:
                victim = rng.choice(SERVICES)
            case Kind.LEASE:
                victim = RELAY
            case Kind.DISK:
                victim = POSTGRES
            case Kind.DELAY | Kind.RESET | Kind.HALF_CLOSE | Kind.DROP:
                victim = rng.choice(WAYS)
        least, most = LASTING.get(kind, (0.0, 0.0))
        lasts = least + (most - least) * rng.random() ** 3
        return Fault(kind, victim, min(lasts, max(self.longest, least)))
