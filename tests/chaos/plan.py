"""What a campaign is to do, all of it drawn from one seed."""

from dataclasses import dataclass
from random import Random

SERVICES = ("ingest", "orchestrator", "prepare", "ast", "llm-review", "commenter")
RELAY = "relay"
"""The relay runs in the orchestrator's process: it is killed when that process's last step is one of the relay's."""
BROKER, POSTGRES = "broker", "postgres"
REPOSITORIES = ("acme/shop", "acme/bank", "acme/post")


@dataclass(frozen=True, slots=True)
class Plan:
    pull_requests: int
    kills: int
    seed: int
    killing: float
    """Seconds over which processes are killed."""
    limit: float
    """Seconds from the first pull request until everything is to be over."""
    twice: bool = False
    """Whether every record is delivered twice."""
    in_hand: float = 0.5
    """The share of the kills that must hit somebody with something in hand, or the campaign proves too little."""

    @property
    def opening(self) -> float:
        """Seconds over which pull requests are opened: nearly as long as there are kills, so that these find work."""
        return self.killing * 0.95

    def random(self, purpose: str) -> Random:
        """One for each purpose: what one of them draws changes nothing for the others."""
        return Random(f"{self.seed} {purpose}")

    def victims(self) -> list[str]:
        """In which order they are killed: everything of ours in rounds, broker and database a few times in between."""
        rng = self.random("victims")
        rare = [BROKER] * max(1, self.kills // 33) + [POSTGRES] * max(1, self.kills // 20)
        often: list[str] = []
        while len(often) < self.kills - len(rare):
            often += rng.sample((*SERVICES, RELAY), len(SERVICES) + 1)
        chosen = often[: self.kills - len(rare)]
        for server in rare:
            chosen.insert(rng.randrange(len(chosen)), server)
        return chosen
