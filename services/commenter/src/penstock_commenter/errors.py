"""What the commenter itself can refuse.

CommenterError
├── StillUnderWay        a write may yet land at the platform: ask again after the settle delay
└── UnknownPlatform      a request is about a platform this installation does not speak with
"""


class CommenterError(Exception):
    """The commenter cannot carry this out."""


class StillUnderWay(CommenterError):
    """A write that was sent may still land, so it is not sent again yet."""

    def __init__(self, effect_id: str, retry_after: float) -> None:
        super().__init__(f"effect {effect_id} was sent and not answered: it may still land")
        self.effect_id, self.retry_after = effect_id, retry_after


class UnknownPlatform(CommenterError):
    """No credential is configured for this platform."""

    def __init__(self, platform: str, instance: str) -> None:
        variable = f"PENSTOCK_{platform.upper().replace('-', '_')}_TOKEN"
        super().__init__(f"nothing can be said on {platform} ({instance}): set {variable}")
        self.platform, self.instance = platform, instance
