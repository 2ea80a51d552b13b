"""A document with other markup in it, and the process that reads it."""

from services.ingest.adapters.reader_process import ReaderProcess
from tests.fakes.documents import cda


def inside(markup: str) -> bytes:
    """Return a document with other markup before its title."""
    return cda(title=f"{markup}<title>Bonjour</title>")


def pid_of(reader: ReaderProcess) -> int:
    """Give the process that reads."""
    process = reader._workers[0]._process
    assert process is not None
    return process.pid
