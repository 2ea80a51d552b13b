"""Whose word counts: the logs, the witnesses, and how many of them must have seen a checkpoint (C2SP tlog-policy)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from verifier.checkpoints import Checkpoint, parse_checkpoint
from verifier.faults import TamperedError
from verifier.notes import Key, Kind, parse_key, parse_note, signers

MAX_LINES: Final = 256
_NONE: Final = "none"


class PolicyError(Exception):
    """A policy file is not one; the message names the line and never more of it than its first word."""


@dataclass(frozen=True, slots=True)
class Group:
    """So many of these, witnesses or groups, make it so."""

    enough: int
    members: Sequence[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a checkpoint needs to be believed: a known log's signature, and a quorum of witnesses."""

    logs: Collection[Key]
    witnesses: Mapping[str, Key]
    groups: Mapping[str, Group]
    quorum: str

    def accept(self, note: bytes) -> Checkpoint:
        """Return the checkpoint of a note; raise `TamperedError` if the policy does not believe it."""
        parsed = parse_note(note)
        checkpoint = parse_checkpoint(parsed.text)
        known = [key for key in self.logs if key.name == checkpoint.origin]
        if not known:
            raise TamperedError("checkpoint-origin", checkpoint.origin)
        signed = {signer.key for signer in signers(parsed, [*known, *self.witnesses.values()])}
        if signed.isdisjoint(known):
            raise TamperedError("signature-missing", checkpoint.origin)
        if not self._seen(self.quorum, signed):
            raise TamperedError("witnesses-too-few", checkpoint.origin)
        return checkpoint

    def _seen(self, name: str, signed: Collection[Key]) -> bool:
        if name == _NONE:
            return True
        if name in self.witnesses:
            return self.witnesses[name] in signed
        group = self.groups[name]
        return sum(self._seen(member, signed) for member in group.members) >= group.enough


def parse_policy(text: str) -> Policy:
    """Return the policy of a file's text; raise `PolicyError` naming the line that is wrong."""
    reading = _Reading()
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise PolicyError(f"more than {MAX_LINES} lines")
    for number, line in enumerate(lines, start=1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reading.take(words)
        except (TamperedError, ValueError, KeyError) as error:
            raise PolicyError(f"line {number}: {error}") from None
    if reading.quorum is None:
        raise PolicyError("no quorum line")
    return Policy(reading.logs, reading.witnesses, reading.groups, reading.quorum)


class _Reading:
    """A policy as far as it was read; names must be defined before they are used, and keys only once."""

    def __init__(self) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._spent: set[str] = set()

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self.logs.append(self._new_key(vkey, Kind.LOG, self.logs))
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self.witnesses[self._new_name(name)] = self._new_key(vkey, Kind.WITNESS, self.witnesses.values())
            case ["group", name, enough, *members] if members:
                self.groups[self._new_name(name)] = Group(_enough(enough, len(members)), self._members(members))
            case ["quorum", name] if self.quorum is None:
                self.quorum = name if name == _NONE else self._defined(name)
            case _:
                raise ValueError("not understood")

    def _new_key(self, vkey: str, kind: Kind, others: Collection[Key]) -> Key:
        key = parse_key(vkey)
        if key.kind is not kind:
            raise ValueError("a key of another kind")
        if key.public in {other.public for other in others}:
            raise ValueError("the same key twice")
        return key

    def _new_name(self, name: str) -> str:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise ValueError("a name twice")
        return name

    def _defined(self, name: str) -> str:
        if name not in self.witnesses and name not in self.groups:
            raise ValueError("a name that is not defined yet")
        return name

    def _members(self, names: Sequence[str]) -> Sequence[str]:
        for name in map(self._defined, names):
            if name in self._spent:
                raise ValueError("a member of two groups")
            self._spent.add(name)
        return names


def _enough(word: str, members: int) -> int:
    enough = {"any": 1, "all": members}.get(word) or int(word)
    if not 1 <= enough <= members or word not in ("any", "all", str(enough)):
        raise ValueError("more or fewer than there are")
    return enough
