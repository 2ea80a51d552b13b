"""Somebody before a record: who it is, how the two stand, and what was decided."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias

from services.records.domain.account import AccountState
from services.records.domain.decision import Act, Actor, Item, Nothing, Question, Rule, decide
from services.records.domain.glance import Glance
from services.records.domain.rights import Standing, oversees, standing
from services.records.handlers.tracing import Tracer
from services.records.ports import ContentStore, DocumentStore, GlanceStore, LineStore, RightStore
from shared.clock import Clock
from shared.contracts.accesses import AccessV1, Action, ActorV1
from shared.identity import name_of
from shared.sealing import Vault

ME: Final = "me"
"""A patient's name for the own record."""

_NOBODY: Final = "0" * 32
"""Looked up where no record is known by a name, so that it takes the same work as a known one."""


Look: TypeAlias = Callable[[str, str | None], Awaitable[Glance]]
"""Reads a record for a decision, and the right of a professional."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the token and its issuer said."""

    actor: Actor
    shown: ActorV1
    """As the trace tells it, but for the number of a person before the own record."""
    index: str | None = field(default=None, repr=False)
    """A patient's blind index."""
    software: str | None = None

    @property
    def number(self) -> str:
        """The national id of a professional or a structure, or the token's subject."""
        return self.shown.number or ""

    @property
    def reader(self) -> str:
        """What tells this caller from every other one."""
        return f"{self.shown.kind}/{self.index or self.number}"


@dataclass(frozen=True, slots=True)
class ReadingRoom:
    """The stores and secrets behind reads, and behind what a person decides about them."""

    glances: GlanceStore
    documents: DocumentStore
    contents: ContentStore
    lines: LineStore
    rights: RightStore
    vault: Vault
    tracer: Tracer
    index_key: bytes = field(repr=False)
    clock: Clock
    valid_for: timedelta


@dataclass(frozen=True, slots=True)
class Denied:
    """Something that is not shown or not done; only the trace tells by which rule."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class Visit:
    """A caller before a record, as both were read."""

    caller: Caller
    record: str
    """Nobody's where there is no such record."""
    account: AccountState | None
    owner: bool
    name: str
    """The caller's opaque name among rights and depositors."""
    standing: Standing
    oversees: bool
    glance: Glance
    """The documents that were read with it."""

    def rule(self, act: Act, item: Item | Nothing | None = None, colleague: Standing | None = None) -> Rule:
        """Return the rule that decides."""
        return decide(
            Question(
                act=act,
                account=self.account,
                actor=self.caller.actor,
                owner=self.owner,
                profession=self.caller.shown.profession,
                standing=self.standing,
                oversees=self.oversees,
                colleague=colleague,
                item=item,
            )
        )

    @property
    def subject(self) -> str | None:
        """Whose trace it is: nobody's where there is no such record."""
        return None if self.account is None else self.record

    def access(self, **what: Any) -> AccessV1:
        """Return what the trace says of who asked about what; a number tells a stranger from the record's person."""
        shown = self.caller.shown
        actor = shown.model_copy(update={"number": None}) if self.owner else shown
        return AccessV1(actor=actor, software=self.caller.software, **what)


async def enter(caller: Caller, record: str, room: ReadingRoom, look: Look | None = None) -> Visit:
    """Return how a caller and a record stand, and what else a look sees; whatever is unknown, the same is asked."""
    own = await _own_record(caller, room)
    wanted = own or _NOBODY if record == ME else record
    return await _visit(caller, wanted, own, room, look)


async def find(caller: Caller, index: str, room: ReadingRoom) -> Visit:
    """Return how a caller and the person of a blind index stand."""
    own = await _own_record(caller, room)
    found: str = (await room.vault.find_subjects({index})).get(index, _NOBODY)
    return await _visit(caller, found, own, room)


async def tell(visit: Visit, action: Action, rule: Rule, room: ReadingRoom, **what: Any) -> None:
    """Write the trace of what was decided; nothing is sent before this returns."""
    await room.tracer.write(visit.access(**what), record=visit.subject, action=action, rule=rule)


async def _own_record(caller: Caller, room: ReadingRoom) -> str | None:
    if caller.index is None:
        return None
    return (await room.vault.find_subjects({caller.index})).get(caller.index)


async def _visit(caller: Caller, record: str, own: str | None, room: ReadingRoom, look: Look | None = None) -> Visit:
    name = name_of(room.index_key, caller.number)
    glance = await (look or room.glances.some)(record, name if caller.actor is Actor.PROFESSIONAL else None)
    now = room.clock.now()
    return Visit(
        caller=caller,
        record=record,
        account=glance.account,
        owner=caller.actor is Actor.PATIENT and own == record,
        name=name,
        standing=standing(glance.right, now, room.valid_for),
        oversees=oversees(glance.right, now, room.valid_for),
        glance=glance,
    )
