"""``/v1/notices`` and ``/v1/preferences``: what was sent to a person, and by which ways the person wants to be told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict

from services.notifications.domain.decision import Preference
from services.notifications.domain.notice import Notice
from services.notifications.handlers.preferences import Changed, change_preference
from services.notifications.ports import NoticeStore, PreferenceStore
from shared.http.identity import Principal
from shared.http.problems import Problem
from shared.identity import blind_index
from shared.messaging.acts import Perform
from shared.messaging.failures import Failure, classify
from shared.sealing import Vault

_PRIVATE: Final = {"cache-control": "no-store"}


class NoticeOut(BaseModel):
    """One notice; the code that it brought is nowhere in it."""

    aim: Literal["opening", "code", "opening-failed"]
    state: Literal["to-send", "in-lot", "sent", "undeliverable", "erased", "withdrawn", "held"]
    channel: Literal["email", "post"] | None
    sent_on: date | None
    last_day: date | None
    """Until when the person may oppose, if a delay runs from this notice."""


class NoticesOut(BaseModel):
    """A person's notices, the one sent last first."""

    notices: list[NoticeOut]


class PreferenceIn(BaseModel):
    """What a person wants."""

    model_config = ConfigDict(extra="forbid", strict=True)

    by_email: bool


class PreferenceOut(BaseModel):
    """By which ways a person is told; post is always left."""

    by_email: bool


@dataclass(frozen=True, slots=True)
class Me:
    """What a person's own doors stand on."""

    notices: NoticeStore
    preferences: PreferenceStore
    vault: Vault
    index_key: bytes
    perform: Perform

    async def record(self, principal: Principal) -> str:
        """Return the record of who calls; raise a 404 problem if nobody is registered under the token's INS."""
        if principal.ins is None:
            raise Problem(403, "other-kind")
        index = blind_index(self.index_key, principal.ins)
        record = (await self.vault.find_subjects({index})).get(index)
        if record is None:
            raise Problem(404, "record-unavailable")
        return record


def patient_doors(me: Me, patient: Callable[[Request], Awaitable[Principal]]) -> APIRouter:
    """Return the router; ``patient`` refuses whoever is none."""
    router = APIRouter(prefix="/v1", tags=["notices"])
    Patient = Annotated[Principal, Depends(patient)]  # noqa: N806 - a type

    @router.get("/notices")
    async def notices(caller: Patient, response: Response) -> NoticesOut:
        """Return the caller's own notices."""
        response.headers.update(_PRIVATE)
        found = await me.notices.of_record(await me.record(caller))
        order = sorted(found, key=lambda notice: (notice.sent_on or date.max, notice.due), reverse=True)
        return NoticesOut(notices=[_out(notice) for notice in order])

    @router.get("/preferences")
    async def preferences(caller: Patient, response: Response) -> PreferenceOut:
        """Return the caller's preferences; the ETag is what a change has to name."""
        record = await me.record(caller)
        return _told((await me.preferences.find({record})).get(record), response)

    @router.put("/preferences")
    async def prefer(
        body: PreferenceIn,
        caller: Patient,
        response: Response,
        if_match: Annotated[str | None, Header(max_length=64)] = None,
    ) -> PreferenceOut:
        """Change the caller's preferences, provided that they are still as they were seen."""
        if if_match is None:
            raise Problem(428, "if-match-missing")
        record = await me.record(caller)
        act = partial(change_preference, record=record, by_email=body.by_email, seen=if_match, store=me.preferences)
        try:
            answer = await me.perform(act)
        except Exception as error:
            if classify(error) is Failure.DATA:
                raise
            raise Problem(503, headers={"retry-after": "5"}) from None
        if not isinstance(answer, Changed):
            raise Problem(412, "preference-changed")
        return _told(answer.preference, response)

    return router


def _told(preference: Preference | None, response: Response) -> PreferenceOut:
    version = 0 if preference is None else preference.version
    response.headers.update(_PRIVATE | {"etag": f'"{version}"'})
    return PreferenceOut(by_email=preference is None or preference.by_email)


def _out(notice: Notice) -> NoticeOut:
    return NoticeOut.model_validate(
        {
            "aim": notice.aim.value,
            "state": notice.state.value,
            "channel": notice.channel,
            "sent_on": notice.sent_on,
            "last_day": notice.last_day,
        }
    )
