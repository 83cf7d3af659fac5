"""A subject, such as `github:owner/repo#7`, taken apart for the filters of the job list."""


def repository_of(subject: str) -> str:
    """`owner/repo`, also where owners are nested."""
    return subject.partition(":")[2].rpartition("#")[0]


def organisation_of(subject: str) -> str:
    """The outermost owner."""
    return repository_of(subject).partition("/")[0]
