"""Which document is current when some replace others (F30), whatever the order in which they arrived.

A chain is what replacements connect, within one record. Its current document is the newest that nothing replaces; all
others are deprecated and stay readable. Nothing is decided by arrival: a document may arrive after its own replacement.
So a status is never stored: it is reckoned from the links, which stand in clear, whenever somebody reads.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """A document's availability, by the last word of ebXML's names (``…:StatusType:Approved``)."""

    APPROVED = "approved"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class Link:
    """A document as a link of a chain."""

    id: str
    created: datetime
    replaces: tuple[str, ...] = ()
    """Ids, of documents that may never arrive."""
    masked: bool | None = None
    """What the person decided of it; None: nothing."""


def statuses(links: Iterable[Link]) -> Mapping[str, Status]:
    """Return the status of every document of a record that arrived: one is approved in each chain."""
    listed = list(links)
    if not any(link.replaces for link in listed):  # as in most records; then each is a chain of its own
        return {link.id: Status.APPROVED for link in listed}
    return {
        link.id: Status.APPROVED if link is current else Status.DEPRECATED
        for chain in chains(listed)
        for current in [current_of(chain)]
        for link in chain
    }


def inherit_mask(links: Iterable[Link]) -> frozenset[str]:
    """Return the documents that replace, over any number of steps, one that the person masked (F33).

    A correction is no way around a mask. What the person decided of a document itself comes before.
    """
    listed = list(links)
    waiting = [link.id for link in listed if link.masked]
    found: set[str] = set()
    replacing: defaultdict[str, list[Link]] = defaultdict(list)
    for link in listed if waiting else ():
        for target in link.replaces:
            replacing[target].append(link)
    while waiting:
        fresh = {link.id for link in replacing[waiting.pop()] if link.masked is None} - found
        found |= fresh
        waiting.extend(fresh)
    return frozenset(found)


def current_of(chain: Sequence[Link]) -> Link:
    """Return the one current document of a chain.

    Two replacements of one document compete, and the later created wins; the id breaks a tie. Documents that
    replace one another in a circle leave no head, so all of them compete.
    """
    replaced = {target for link in chain for target in link.replaces if target != link.id}
    heads = [link for link in chain if link.id not in replaced]
    return max(heads or chain, key=lambda link: (link.created, link.id))


def chains(links: Iterable[Link]) -> list[list[Link]]:
    """Group documents by what replacements connect, also through a document that never arrived."""
    by_id = {link.id: link for link in links}
    neighbours: defaultdict[str, set[str]] = defaultdict(set)
    for link in by_id.values():
        for target in link.replaces:
            neighbours[link.id].add(target)
            neighbours[target].add(link.id)
    seen: set[str] = set()
    found = [_reach(one, neighbours, seen) for one in by_id if one not in seen]
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
