"""The role `jobs`: what time starts, done by one active instance while the others stand by."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from fastapi import FastAPI

from shared.http import problems
from shared.http.health import dependencies, health_doors
from shared.http.metrics import metrics_door
from shared.http.server import serving
from shared.messaging.acts import Perform, perform
from shared.messaging.collector import spare_the_collector
from shared.messaging.ending import until_done
from shared.messaging.failures import Failure, FencedError, classify, fingerprint
from shared.messaging.lease import LASTS, Lease
from shared.messaging.losses import losses
from shared.messaging.runtime import Runtime
from shared.roles import told_to_stop

NAME: Final = "jobs"

_GRACE_S: Final = 10.0

_RELEASE_S: Final = 1.0
"""How long a database may take to note that this instance steps back."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done at intervals.

    ``act`` gets the one way to change anything, which refuses once another instance is active. It leaves no
    half-done work behind when it is cancelled or killed, and doing it again is no harm.
    """

    name: str
    every: timedelta
    act: Callable[[Perform], Awaitable[None]]


@dataclass(slots=True)
class Rota:
    """Does the jobs while it holds the lease, and stands by while another instance does."""

    runtime: Runtime
    jobs: Sequence[Job]
    lease: Lease
    failing: set[str] = field(default_factory=set)
    """The jobs whose last run ended in a fault of their own: the role is not ready while there are any."""

    async def run(self) -> None:
        """Take the lease whenever it is free, until cancelled; being overtaken is no failure."""
        try:
            while True:
                await self._hold_once()
                await asyncio.sleep(self.lease.lasts.total_seconds() / 3)
        finally:
            with suppress(Exception):  # it ends by itself
                async with asyncio.timeout(_RELEASE_S):
                    await self.lease.release()

    async def _hold_once(self) -> None:
        try:
            if not await self.lease.take():
                return
            log.info("jobs_active", process=self.runtime.process, epoch=self.lease.epoch)
            await self._work()
        except Exception as error:
            fenced = _is_fenced(error)
            if not (fenced or classify(error) is Failure.INFRASTRUCTURE):
                raise
            name = FencedError.__name__ if fenced else _name(error)
            log.warning("jobs_stand_by", process=self.runtime.process, epoch=self.lease.epoch, error=name)

    async def _work(self) -> None:
        """Do the jobs side by side; raise, everything stopped, once another instance has taken over."""
        fenced = partial(perform, self.runtime, fence=self.lease)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._renew())
            for job in self.jobs:
                tasks.create_task(self._repeat(job, fenced))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.lease.lasts.total_seconds() / 3)
            try:
                await self.lease.renew()
            except Exception as error:
                if classify(error) is not Failure.INFRASTRUCTURE:
                    raise
                log.warning("lease_not_renewed", error=_name(error))

    async def _repeat(self, job: Job, fenced: Perform) -> None:
        while True:
            try:
                with losses():
                    await job.act(fenced)
                self.failing.discard(job.name)
            except Exception as error:
                if _is_fenced(error):
                    raise
                log.warning("job_failed", type=job.name, fingerprint=fingerprint(error), error=_name(error))
                if classify(error) is Failure.DATA:
                    self.failing.add(job.name)
            await asyncio.sleep(job.every.total_seconds())


async def run_jobs(runtime: Runtime, jobs: Sequence[Job], *, lasts: timedelta = LASTS) -> None:
    """Do the jobs, or stand by, until SIGTERM or SIGINT."""
    lease = Lease(runtime.database, NAME, runtime.process, lasts=lasts)
    await lease.prepare()
    rota = Rota(runtime, jobs, lease)
    settings = runtime.settings
    async with serving(_doors(rota), settings.http_host, settings.http_port):
        spare_the_collector()
        tasks = [asyncio.create_task(runtime.relay.run()), asyncio.create_task(rota.run())]
        stop = asyncio.create_task(told_to_stop())
        await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        failures = [error for task in tasks if task.done() and (error := task.exception())]
        await until_done([stop, *tasks], again=2 * _RELEASE_S)
        await runtime.relay.drain(_GRACE_S)
    log.info("jobs_stopped", process=runtime.process)
    if failures:
        raise failures[0]


def _doors(rota: Rota) -> FastAPI:
    """Return the role's application: one that stands by is as ready as the one that works."""
    app = FastAPI(openapi_url=None)
    problems.install(app)

    async def working() -> bool:
        return not rota.failing

    checks = {**dependencies(rota.runtime), "jobs": working}
    health_doors(app, checks)
    metrics_door(app, rota.runtime, checks)
    return app


def _is_fenced(error: Exception) -> bool:
    """Tell whether somebody took over; a job whose acts run side by side says so in a group."""
    return isinstance(error, FencedError) or (
        isinstance(error, ExceptionGroup) and error.subgroup(FencedError) is not None
    )


def _name(error: Exception) -> str:
    return type(error).__name__
