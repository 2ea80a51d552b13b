"""Where a run takes place: what the rig gives to the workload, to whoever waits for quiet and to the checker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scene:
    """A running system, as people, insurers and the rig itself reach it."""

    doors: Mapping[str, str]
    """Base addresses by service (``ingest``, ``records``, ``notifications``, ``audit``) and ``issuer``."""
    brokers: Mapping[str, str] = field(repr=False)
    """The broker's address for each insurer, by the insurer's code."""
    database: str = field(repr=False)
    """The database's address for a user who may look at everything; not through a proxy."""
    keys: Path
    """The folder of the key-encryption key and of the index key: the rig opens the traces that it counts."""
    logs: Path
    """The folder where the processes write; one file each, JSON lines."""
    seed: int
