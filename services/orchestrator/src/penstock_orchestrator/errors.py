"""What the orchestrator refuses to decide.

OrchestratorError
└── UnknownPullRequest
"""


class OrchestratorError(Exception):
    """The orchestrator cannot decide."""


class UnknownPullRequest(OrchestratorError):
    """A run exists on a stream whose pull request was never named: the stream's first fact is missing."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream} has a run but no pull request")
