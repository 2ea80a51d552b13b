"""Which document is current when some replace others (F30), whatever the order in which they arrived.

A chain is what replacements connect, within one record. Its current document is the newest that nothing replaces; all
others are deprecated and stay readable. Nothing is decided by arrival: a document may arrive after its own replacement.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """A document's availability, by the names of ebXML's registry."""

    APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
    DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"


@dataclass(frozen=True, slots=True)
class Version:
    """A document as a link of a chain."""

    unique_id: str
    created: datetime
    replaces: tuple[str, ...] = ()
    """Unique ids, of documents that may never arrive."""


def statuses(versions: Iterable[Version]) -> Mapping[str, Status]:
    """Return the status of every document of a record that arrived: one is approved in each chain."""
    return {
        version.unique_id: Status.APPROVED if version is current else Status.DEPRECATED
        for chain in chains(versions)
        for current in [current_of(chain)]
        for version in chain
    }


def current_of(chain: Sequence[Version]) -> Version:
    """Return the one current document of a chain.

    Two replacements of one document compete, and the later created wins; the unique id breaks a tie. Documents that
    replace one another in a circle leave no head, so all of them compete.
    """
    replaced = {target for version in chain for target in version.replaces if target != version.unique_id}
    heads = [version for version in chain if version.unique_id not in replaced]
    return max(heads or chain, key=lambda version: (version.created, version.unique_id))


def chains(versions: Iterable[Version]) -> list[list[Version]]:
    """Group documents by what replacements connect, also through a document that never arrived."""
    by_id = {version.unique_id: version for version in versions}
    neighbours: defaultdict[str, set[str]] = defaultdict(set)
    for version in by_id.values():
        for target in version.replaces:
            neighbours[version.unique_id].add(target)
            neighbours[target].add(version.unique_id)
    seen: set[str] = set()
    found = [_reach(unique_id, neighbours, seen) for unique_id in by_id if unique_id not in seen]
    return [[by_id[one] for one in reached if one in by_id] for reached in found]


def _reach(start: str, neighbours: Mapping[str, set[str]], seen: set[str]) -> list[str]:
    """List what is connected with a document, and remember it; without recursion, for chains have no length limit."""
    reached, waiting = [], [start]
    seen.add(start)
    while waiting:
        reached.append(one := waiting.pop())
        fresh = neighbours.get(one, set()) - seen
        seen |= fresh
        waiting.extend(fresh)
    return reached
