"""What ingest is told by its environment."""

from pathlib import Path

from shared.settings import ServiceSettings


class IngestSettings(ServiceSettings):
    """The common settings, the table of insurers, and whether real people are concerned."""

    insurers_file: Path
    """JSON list: code, broker user, source, regime, name, caisses."""
    production: bool = False
    """True: test identities are refused, and check digits of professionals and structures must hold."""
