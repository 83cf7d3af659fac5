"""The worker process: reads tasks from its standard input, writes results to its standard output.

Each message is its length in four bytes and then JSON. The process ends when its input ends, so that it never outlives
the service, and kills itself when one file keeps it longer than it may.
"""

import resource
import signal
import struct
import sys
from typing import BinaryIO

import msgspec

from penstock_ast.analysis import Analyser
from penstock_ast.task import FileResult, FileTask

LENGTH = struct.Struct(">I")
_MEMORY = 2 * 1024**3


def pack(message: FileTask | FileResult) -> bytes:
    body = msgspec.json.encode(message)
    return LENGTH.pack(len(body)) + body


def serve(reading: BinaryIO, writing: BinaryIO, seconds: int) -> None:
    """Until the input ends. The alarm's default action ends the process, also in the middle of a parser's C code."""
    analyser = Analyser()
    while len(head := reading.read(LENGTH.size)) == LENGTH.size:
        body = reading.read(LENGTH.unpack(head)[0])
        signal.alarm(seconds)
        result = analyser.file(msgspec.json.decode(body, type=FileTask))
        signal.alarm(0)
        writing.write(pack(result))
        writing.flush()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))


if __name__ == "__main__":
    main()
