"""How often Python looks for garbage.

A process that holds records by the thousand makes so many objects that the defaults look through its whole heap several
times a second: measured on the consumer loop, that was half of the time. Reference counts free what has no cycles.
"""

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 20


def collect_rarely() -> None:
    gc.set_threshold(YOUNG, MIDDLE, OLD)
