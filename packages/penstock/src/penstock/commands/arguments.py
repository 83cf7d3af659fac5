"""What is typed behind an option: read, or refused with code 2. Of what imports nothing, so that help stays instant."""

import argparse

_A_DAY = 86_400.0


def text(typed: str) -> str:
    """An empty one would be as if the option were not there, and mean everything."""
    if not typed.strip():
        raise argparse.ArgumentTypeError("it is empty: is a variable not set?")
    return typed


def patience(typed: str) -> float:
    try:
        seconds = float(typed)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds <= _A_DAY:
        raise argparse.ArgumentTypeError(f"{typed!r} is not a number of seconds from 0 to {_A_DAY:g}")
    return seconds
