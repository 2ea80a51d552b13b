"""``/ops/campaign``: how far the campaign has come, in numbers only."""

from collections.abc import Awaitable, Callable
from datetime import date

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from services.records.domain.campaign import Campaign, Phase
from services.records.domain.delay import Policy
from services.records.ports import AccountStore, NoticeStore
from shared.clock import Clock, paris_date
from shared.http.identity import Principal


class CampaignOut(BaseModel):
    """The plan's phase, and where accounts and notices stand."""

    phase: Phase | None
    policy: Policy
    accounts: dict[str, int]
    """By state."""
    notices: dict[str, int]
    """By state."""
    returned: dict[str, int]
    """Notices that did not arrive and whose delay stands still, by motive."""
    deadlines: dict[date, int]
    """Delays that run, by their last day."""
    failing: int
    """Openings that failed for a technical reason and are tried again (F18)."""


def campaign_doors(
    accounts: AccountStore,
    notices: NoticeStore,
    *,
    campaign: Campaign,
    policy: Policy,
    clock: Clock,
    operator: Callable[[Request], Awaitable[Principal]],
) -> APIRouter:
    """Return the router; ``operator`` refuses whoever is none."""
    router = APIRouter(prefix="/ops/campaign", tags=["campaign"], dependencies=[Depends(operator)])

    @router.get("")
    async def summary() -> CampaignOut:
        """Return the numbers; they are read one after another, so they may be moments apart."""
        return CampaignOut(
            phase=campaign.phase(paris_date(clock.now())),
            policy=policy,
            accounts={state.value: count for state, count in (await accounts.count_by_state()).items()},
            notices={state.value: count for state, count in (await notices.count_by_state()).items()},
            returned=dict(await notices.count_returned()),
            deadlines=dict(await notices.count_running()),
            failing=await notices.count_failing(),
        )

    return router
