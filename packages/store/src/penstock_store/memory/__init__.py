"""The store in memory: for `penstock review`, the fast tests and the simulator."""

from penstock_store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
