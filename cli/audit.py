"""`./carnet audit verify`: recomputes the whole log without any code of the service that wrote it."""

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeAlias

import httpx
import typer
from typer.core import TyperCommand
from typer.exceptions import Exit, TyperException

from cli.doors import NoDoorError, door
from cli.tokens import OperatorAuth
from verifier.merkle import Frontier, leaf_hash

VALID, TAMPERED, INCOMPLETE, USAGE = range(4)
"""Exit codes."""

PAGE: Final = 1000

Row: TypeAlias = dict[str, Any]

app = typer.Typer(help="The log of everything that happened.", no_args_is_help=True)


class IncompleteError(Exception):
    """The log cannot be read to its end, so nothing can be said of it."""


class Command(TyperCommand):
    """A command whose usage errors end with 3: 2 has a meaning of its own here."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; see typer."""
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            _end(USAGE, f"usage: {error}")


@app.callback()
def audit() -> None:
    """Ask the log of everything that happened."""


@app.command(cls=Command)
def verify(
    url: Annotated[str | None, typer.Option(help="Address of audit's doors; this clone's own by default.")] = None,
    from_export: Annotated[Path | None, typer.Option(help="Verify a file written by --export, offline.")] = None,
    export: Annotated[Path | None, typer.Option(help="Also write the log there, as JSON lines.")] = None,
) -> None:
    """Verify every entry of the log. Exit: 0 valid, 1 tampered, 2 incomplete or unreachable, 3 usage."""
    if from_export and (url or export):
        _end(USAGE, "usage: --from-export reads a file; --url and --export ask the service")
    try:
        lines = _read(from_export) if from_export else _ask(url)
        if export:
            lines = _read(_write(export, lines))
        head = next(lines)["head"]
        fault = first_fault(lines, head)
    except (IncompleteError, NoDoorError) as error:
        _end(INCOMPLETE, f"incomplete: {error}")
    if fault:
        _end(TAMPERED, f"tampered: entry {fault[0]}: {fault[1]}")
    _end(VALID, f"valid: {head['size']} entries, root {head['root']}")


def first_fault(entries: Iterable[Row], head: Row) -> tuple[int, str] | None:
    """Return where the log is not what its head says, and how; None if all is well."""
    frontier = Frontier()
    for entry in entries:
        if entry.get("index") != frontier.size:
            return frontier.size, "it is missing"
        frontier.append(leaf_hash(b64decode(entry["leaf"])))
    if frontier.size != head["size"]:
        return frontier.size, f"it is missing, though the log counts {head['size']}"
    return None if frontier.root().hex() == head["root"] else (0, "or one after it is not what was appended")


def _ask(url: str | None) -> Iterator[Row]:
    """Page through the door: the head as a first line, then the entries up to it. Later entries are left out."""
    base = (url or door("audit")).rstrip("/")
    try:
        with httpx.Client(base_url=base, auth=OperatorAuth(), trust_env=False, timeout=30) as client:
            head = _get(client, "/ops/log/head")
            yield {"head": {"size": int(head["size"]), "root": str(head["root"])}}
            start = 0
            while start < head["size"]:
                page = {"from": start, "limit": min(PAGE, head["size"] - start)}
                entries = _get(client, "/ops/log/entries", page)["entries"]
                yield from entries
                following = int(entries[-1]["index"]) + 1 if entries else start
                if following <= start:
                    return
                start = following
    except httpx.HTTPError as error:
        raise IncompleteError(f"{base} does not answer ({type(error).__name__})") from None
    except (ValueError, TypeError, LookupError, AttributeError):
        raise IncompleteError(f"{base} is not the door of a log") from None


def _get(client: httpx.Client, path: str, query: dict[str, int] | None = None) -> Any:
    answer = client.get(path, params=query)
    answer.raise_for_status()
    return answer.json()


def _write(path: Path, lines: Iterable[Row]) -> Path:
    """Write the file under its name only when it is whole."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        part.replace(path)
    except OSError as error:
        raise IncompleteError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _read(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8") as file:
            first = json.loads(file.readline())
            yield {"head": {"size": int(first["head"]["size"]), "root": str(first["head"]["root"])}}
            for line in file:
                entry = json.loads(line)
                yield entry if isinstance(entry, dict) else {}
    except OSError as error:
        raise IncompleteError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, LookupError):
        raise IncompleteError(f"{path} is not an export of a log, or was cut off") from None


def _end(code: int, verdict: str) -> NoReturn:
    typer.echo(verdict, err=code not in (VALID, TAMPERED))
    raise Exit(code)
