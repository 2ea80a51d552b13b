"""The process that reads documents and can do nothing else: `python -m services.ingest.adapters.reader_worker LIMITS`.

It takes bodies on its standard input, each after its length (4 bytes, big-endian), and answers JSON the same way. After
its imports it gives up the right to open a file or a socket, to write, to dump its memory or to take more of it; before
each document it gets a few more seconds of processor time. Whatever goes wrong, only this process ends.
"""

import json
import os
import resource
import signal
import sys
from dataclasses import dataclass
from math import ceil
from typing import BinaryIO, Final

import orjson

from services.ingest.adapters.cda_reader import Limits, read_header
from shared.errors import RefusedError

LENGTH: Final = 4
OUT_OF_MEMORY: Final = 70
"""Exit code: the document needed more memory than it may."""
MOST_ANSWER: Final = 1_000_000
"""Bytes: what an honest header takes some kilobytes for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one document may take of the machine."""

    memory: int = 512 * 1024 * 1024
    """Bytes of address space, with the interpreter's own."""
    cpu_seconds: int = 3


def main() -> None:
    """Confine the process, say that it is ready, read until the input ends."""
    told = json.loads(sys.argv[1])
    limits, allowance = Limits(**told["limits"]), Allowance(**told["allowance"])
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    _confine(allowance)
    _send(sink, b"{}")
    try:
        while (body := _receive(source)) is not None:
            _allow_seconds(allowance.cpu_seconds)
            _send(sink, answer(body, limits))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def answer(body: bytes, limits: Limits) -> bytes:
    """Return a header, a refusal, or the name of the bug that kept from both, without its message."""
    try:
        found = orjson.dumps({"header": read_header(body, limits)})
    except RefusedError as refusal:
        return json.dumps({"refused": [refusal.code, refusal.field]}).encode()
    except MemoryError:
        raise
    except Exception as bug:  # noqa: BLE001 - the process goes on, and a message may quote the document
        return json.dumps({"failed": type(bug).__name__}).encode()
    return found if len(found) <= MOST_ANSWER else json.dumps({"refused": ["xml-too-costly", None]}).encode()


def _confine(allowance: Allowance) -> None:
    """Close what is not needed; imports are over."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process by closing its input
    for kind, most in (
        (resource.RLIMIT_AS, allowance.memory),
        (resource.RLIMIT_CORE, 0),  # a dump would hold the document
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),  # the three that are open: no file and no socket can be opened any more
    ):
        resource.setrlimit(kind, (most, most))


def _allow_seconds(seconds: int) -> None:
    """Move the limit of processor time to where this document may take the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _receive(source: BinaryIO) -> bytes | None:
    """Read the next body; None when the input has ended."""
    head = source.read(LENGTH)
    return source.read(int.from_bytes(head, "big")) if len(head) == LENGTH else None


def _send(sink: BinaryIO, content: bytes) -> None:
    sink.write(len(content).to_bytes(LENGTH, "big") + content)
    sink.flush()


if __name__ == "__main__":
    main()
