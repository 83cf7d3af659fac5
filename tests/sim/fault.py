"""A fault that is planted on purpose, in one method of the product."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from tests.sim.actions import Action


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    whose: object
    what: str
    instead: Callable[..., object]
    brought_out: tuple[Action, ...] = ()
    """What happens where it surely shows, which in runs that are drawn it does rarely."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        with patch.object(self.whose, self.what, self.instead):
            yield
