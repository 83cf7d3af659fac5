"""Ports of this machine. Fixed ones collide with whatever runs beside."""

import secrets
import socket
from pathlib import Path

_LOWEST = 15_000
_RANGE_OF_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at the moment.

    Not one of those the system gives to outgoing connections: a server that is restarted would find it taken.
    """
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different ones."""
    above = _first_of_clients()
    found: set[int] = set()
    while len(found) < count:
        port = _LOWEST + secrets.randbelow(above - _LOWEST)
        if is_free(port):
            found.add(port)
    return list(found)


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of 127.0.0.1."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _first_of_clients() -> int:
    try:
        first = int(_RANGE_OF_CLIENTS.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        first = 49_152  # what the standard says
    return first if first > _LOWEST + 1_000 else 65_536
