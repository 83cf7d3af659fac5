"""Who may be handled alone in this process. All loops of a process share one."""

from collections import deque

from penstock_eventlog.ports import Bell


class Solitude:
    """Many in company, or one alone. Whoever asks to be alone lets nobody else start, and waits for those who did."""

    def __init__(self) -> None:
        self._company = 0
        self._claims: deque[object] = deque()
        self._bells: list[Bell] = []

    def on_change(self, bell: Bell) -> None:
        self._bells.append(bell)

    def forget(self, bell: Bell) -> None:
        self._bells.remove(bell)

    def open(self) -> bool:
        return not self._claims

    def join(self) -> bool:
        """False: somebody is alone, or waits to be."""
        if self._claims:
            return False
        self._company += 1
        return True

    def leave(self) -> None:
        self._company -= 1
        self._ring()

    def claim(self, who: object) -> bool:
        """True: it is alone now, until it ends the claim. False: ask again when the bell rings."""
        if who not in self._claims:
            self._claims.append(who)
        return self._company == 0 and self._claims[0] is who

    def end_claim(self, who: object) -> None:
        if who in self._claims:
            self._claims.remove(who)
            self._ring()

    def _ring(self) -> None:
        for bell in self._bells:
            bell()
