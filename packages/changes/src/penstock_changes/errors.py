"""What can go wrong in this package.

ChangesError
├── MalformedDiff
├── InvalidFinding
├── InvalidPattern
└── CorruptFindings
"""


class ChangesError(Exception):
    """Something about the changes could not be understood."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__((self.__doc__ or type(self).__name__).format(**facts))


class MalformedDiff(ChangesError):
    """The diff cannot be read at line {line}: {reason}."""

    def __init__(self, *, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(line=line, reason=reason)


class InvalidFinding(ChangesError, ValueError):
    """A finding cannot have this {field}: {reason}."""

    def __init__(self, *, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(field=field, reason=reason)


class InvalidPattern(ChangesError, ValueError):
    """The pattern {pattern} stands for more than {most} others: write fewer of them into braces."""

    def __init__(self, *, pattern: str, most: int) -> None:
        self.pattern = pattern
        self.most = most
        super().__init__(pattern=pattern, most=most)


class CorruptFindings(ChangesError):
    """The stored findings cannot be read: {reason}."""

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(reason=reason)


class CorruptDocument(ChangesError):
    """The stored {kind} cannot be read: {reason}."""

    def __init__(self, *, kind: str, reason: str) -> None:
        self.kind = kind
        self.reason = reason
        super().__init__(kind=kind, reason=reason)
