"""What the entries say, as far as it was not destroyed: each text is the one committed to, and nothing is missing.

Beside the tree, an export has ``openings.jsonl``, a line per entry in their order:

    {"index": 7, "groups": {"subject": {"salt": base64, "text": "…"}, "actor": …, "detail": …}}

A group that was erased is absent; ``"unreadable": true`` in the place of groups says that what lies beside the entry
does not open any more. Texts are JSON objects:

- subject: ``record``, ``entry`` (1, 2, 3 … among all about the record), ``previous`` (base64 hash of the leaf before)
- actor: ``producer`` and ``number`` (1, 2, 3 … among all that this process told, see `verifier.counts`); neither where
  nobody counts
- detail: the CloudEvents event
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from verifier.counts import Count, count, gaps, heed
from verifier.faults import FaultError, IncompleteError, TamperedError
from verifier.leaves import GROUPS, Group, Leaf, Opened, check_opened, event_name, parse_leaf
from verifier.merkle import leaf_hash
from verifier.notes import decode
from verifier.tiles import read_entries, widths

FILE: Final = "openings.jsonl"
ERASURE: Final = "entries.erased.v1"
"""Type of the event that says how many entries lost their text, by what right."""


class Place(NamedTuple):
    """Where a chain has come to."""

    number: int
    hash: str
    """Of its last leaf, in base64."""


@dataclass(slots=True)
class Reading:
    """What was found so far while the entries were read in their order."""

    entries: int = 0
    opened: int = 0
    erased: int = 0
    """Entries that lack a text."""
    declared: int = 0
    """Entries that erasures in the log account for."""
    time: int = 0
    emptied: set[str] = field(default_factory=set)
    """Hashes, in base64, of the leaves whose subject cannot be read."""
    records: dict[str, Place] = field(default_factory=dict)
    producers: dict[str, Count] = field(default_factory=dict)
    uncounted: int = 0
    """Entries without the text that would hold their number."""


def check_openings(export: Path, size: int, reading: Reading) -> Iterator[FaultError]:
    """Yield what is wrong with what the entries say; ``reading`` is filled meanwhile."""
    opened = _Lines(export)
    for index, leaf in _leaves(export, size):
        try:
            texts = opened.of(index)
            if texts is None:
                yield IncompleteError("opening-unreadable", f"entry {index}")
                texts = {}
            check_opened(leaf, texts)
            documents = {group: _document(texts[group]) for group in GROUPS if group in texts}
        except TamperedError as error:
            yield TamperedError(error.code, ", ".join(filter(None, (f"entry {index}", error.where))))
            reading.emptied.add(_own_hash(leaf))  # its neighbours are not to blame for it
            continue
        yield from _read(index, leaf, documents, reading)
    if reading.erased != reading.declared:
        yield IncompleteError(
            "openings-missing", f"{reading.erased} entries are without text, the log accounts for {reading.declared}"
        )
    yield from gaps(reading.time, reading.uncounted, reading.producers)
    if opened.left():
        yield TamperedError("opening-without-entry", FILE)


def _read(index: int, leaf: Leaf, texts: Mapping[Group, Any], reading: Reading) -> Iterator[FaultError]:
    place = f"entry {index}"
    reading.entries += 1
    reading.opened += len(texts) == len(GROUPS)
    reading.erased += len(texts) < len(GROUPS)
    reading.uncounted += Group.ACTOR not in texts
    if leaf.recorded_at < reading.time:
        yield TamperedError("time-backwards", place)
    reading.time = leaf.recorded_at
    try:
        yield from _told(place, leaf, texts.get(Group.DETAIL, {}), reading)
        yield from _chained(place, leaf, texts.get(Group.SUBJECT), reading)
        yield from count(place, texts.get(Group.ACTOR, {}), leaf.recorded_at, reading.producers)
        heed(texts.get(Group.DETAIL, {}), leaf.recorded_at, reading.producers)
    except (KeyError, TypeError, ValueError):
        yield TamperedError("text-malformed", place)


def _told(place: str, leaf: Leaf, detail: Any, reading: Reading) -> Iterator[FaultError]:
    """The event is the one that the leaf names; an erasure says how many entries lost their text."""
    if detail and event_name(str(detail["source"]), str(detail["id"])) != leaf.event:
        yield TamperedError("event-mismatch", place)
    if detail.get("type") == ERASURE:
        reading.declared += int(detail["data"]["entries"])


def _chained(place: str, leaf: Leaf, subject: Any, reading: Reading) -> Iterator[FaultError]:
    """An entry about a record names the one before about the same record, and its own number among them.

    Between two of them may lie some that were erased: then the later names the hash of one.
    """
    own = _own_hash(leaf)
    if subject is None:
        reading.emptied.add(own)
        return
    if "record" not in subject:
        return
    record, number, previous = str(subject["record"]), int(subject["entry"]), subject["previous"]
    before = reading.records.get(record, Place(0, ""))
    reading.records[record] = Place(number, own)
    if number > before.number + 1 and previous in reading.emptied:
        return
    if number != before.number + 1:
        yield TamperedError("chain-gap", f"{place}: number {number} of its record follows {before.number}")
    elif previous != before.hash:
        yield TamperedError("chain-broken", place)


def _own_hash(leaf: Leaf) -> str:
    return b64encode(leaf_hash(bytes(leaf))).decode()


def _leaves(export: Path, size: int) -> Iterator[tuple[int, Leaf]]:
    index = 0
    for bundle, width in widths(size):
        for raw in read_entries(export, bundle, width):
            yield index, parse_leaf(raw)
            index += 1


class _Lines:
    """The lines of the openings, asked for in the order of the entries."""

    def __init__(self, export: Path) -> None:
        try:
            self._lines: Iterable[bytes] = iter((export / FILE).open("rb"))
        except OSError:
            raise IncompleteError("file-missing", FILE) from None
        self._next = self._take()

    def of(self, index: int) -> Mapping[Group, Opened] | None:
        if self._next is None or self._next[0] != index:
            return {}
        texts, self._next = self._next[1], self._take()
        return texts

    def left(self) -> bool:
        return self._next is not None

    def _take(self) -> tuple[int, Mapping[Group, Opened] | None] | None:
        line = next(iter(self._lines), None)
        return None if line is None else parse_opening(line)


def parse_opening(line: bytes) -> tuple[int, Mapping[Group, Opened] | None]:
    """Return the index of a line and the texts that it opens; None if they do not open any more."""
    try:
        read = json.loads(line)
        return int(read["index"]), None if read.get("unreadable") is True else parse_groups(read["groups"])
    except (ValueError, KeyError, TypeError):
        raise TamperedError("opening-malformed", FILE) from None


def parse_groups(read: Any) -> Mapping[Group, Opened]:
    """Return the texts of one entry; raise `ValueError`, `KeyError` or `TypeError` for what is none."""
    return {Group(name): Opened(decode(read[name]["salt"]), str(read[name]["text"]).encode()) for name in read}


def _document(opened: Opened) -> Any:
    try:
        document = json.loads(opened.text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise TamperedError("text-malformed")
    return document
