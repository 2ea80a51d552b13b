"""Where a clone keeps what it makes at run time, so that deleting one folder deletes everything."""

import os
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]


class StackError(RuntimeError):
    """The stack cannot start or stop; the text is a sentence that tells the reader what to do."""


def default_home() -> Path:
    """Give the folder of this clone's run-time data: `CARNET_HOME`, or `.carnet` in the clone."""
    return Path(os.environ.get("CARNET_HOME") or CLONE / ".carnet").resolve()


def homes(home: Path) -> list[Path]:
    """List the folders from which a system may run: this one, and those inside it (the demonstration's, chaos runs)."""
    inside = [*home.glob("*/run"), *home.glob("chaos/*/run")]
    return [home, *sorted(each.parent for each in inside)]


def packages_folder() -> Path:
    """Give the folder of unpacked Debian packages, shared by every stack of this clone (tests included)."""
    return default_home() / "debian"


def folder(path: Path, *, mode: int = 0o755) -> Path:
    """Make the folder if it is missing and return it; raise `StackError` where nothing can be written."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        raise StackError(f"{path} cannot be made ({error.strerror}): set CARNET_HOME to a folder you own.") from error
    return path
