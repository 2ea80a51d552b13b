"""What ingest is told by its environment."""

from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings


class IngestSettings(ServiceSettings):
    """The common settings, the table of insurers, and what a deposit may cost."""

    insurers_file: Path
    """JSON list: code, broker user, source, regime, name, caisses."""
    document_bytes: int = Field(default=8_000_000, ge=1_000, le=12_000_000)
    """The largest document that may be deposited; a row of the database holds 16 MB and its box."""
    file_bytes: int = Field(default=5_000_000, ge=1_000)
    """The largest file inside a document, decoded."""
    bodies_bytes: int = Field(default=64_000_000, ge=1_000)
    """How much of deposits one process holds at a time; more are told to come back."""
    body_seconds: float = Field(default=30, gt=0)
    """How long a document may take to arrive."""
    readers: int = Field(default=2, ge=1)
    """Documents that are read at a time, each in a process of its own."""
    confidentiality_combined: bool = False
    """A document may be hidden from its patient and from professionals at once (F36: cumul)."""
