"""Their data or our bug? When most of what comes ends as a dead letter, the fault is ours and the loop stops."""

from collections import deque

WINDOW = 40
FEWEST = 20
SHARE = 0.5


class LetterBudget:
    """Looks at the last records finished."""

    def __init__(self, window: int = WINDOW, fewest: int = FEWEST, share: float = SHARE) -> None:
        self._last: deque[bool] = deque(maxlen=window)
        self._fewest = fewest
        self._share = share

    def allows(self) -> bool:
        """Whether one more dead letter is still their data."""
        letters = sum(self._last) + 1
        seen = len(self._last) + 1
        return seen < self._fewest or letters <= self._share * seen

    def count(self, dead_letter: bool) -> None:
        self._last.append(dead_letter)
