"""What ingest is told by its environment."""

from pathlib import Path

from shared.settings import ServiceSettings


class IngestSettings(ServiceSettings):
    """The common settings and the table of insurers."""

    insurers_file: Path
    """JSON list: code, broker user, source, regime, name, caisses."""
