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
    seconds: float
    """From the first pull request to the verdict, at most."""
    kills: int
    seed: int
    twice: bool = False
    """Whether every record is delivered twice."""

    @property
    def opening(self) -> float:
        """Seconds over which pull requests are opened."""
        return self.seconds * 0.5

    @property
    def killing(self) -> float:
        """Seconds over which processes are killed; what remains is for the work to end."""
        return self.seconds * 0.7

    def random(self, purpose: str) -> Random:
        """One for each purpose: what one of them draws changes nothing for the others."""
        return Random(f"{self.seed} {purpose}")

    def victims(self) -> list[str]:
        """In which order they are killed: broker and database a few times, everything else often."""
        rng = self.random("victims")
        rare = [BROKER] * max(1, self.kills // 33) + [POSTGRES] * max(1, self.kills // 20)
        often = (*SERVICES, RELAY)
        chosen = [*rare, *(often[index % len(often)] for index in range(self.kills - len(rare)))]
        rng.shuffle(chosen)
        return chosen
