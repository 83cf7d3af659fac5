"""What every process of a campaign needs, read once."""

from tests.sim import campaign, postgres_ground

__all__ = ["campaign", "postgres_ground"]
