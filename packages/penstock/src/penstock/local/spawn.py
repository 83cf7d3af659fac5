"""Becomes another program that ends with its owner: `spawn.py OWNER SIGNAL UID GID COMMAND…`.

It runs between fork and exec, as a program of its own, because the order matters: changing the user clears the
parent-death signal, and a `preexec_fn` is unsafe where there are threads. Only the standard library, and no site
packages, so that it costs some ten milliseconds.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    owner, death_signal, uid, gid = (int(argument) for argument in arguments[:4])
    command = arguments[4:]
    if uid:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    if death_signal and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != owner:  # it died before the line above
            sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
