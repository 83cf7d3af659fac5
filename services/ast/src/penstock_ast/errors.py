"""What can go wrong between this service and its worker processes.

AnalysisError
└── WorkerLost      the process that was analysing a file is gone: killed, out of memory, or out of time
"""


class AnalysisError(Exception):
    """The analysis could not be done."""


class WorkerLost(AnalysisError):
    """The worker process ended before it answered."""
