"""Folds facts into every workflow's state and decides what to ask for next; relay and timers."""
