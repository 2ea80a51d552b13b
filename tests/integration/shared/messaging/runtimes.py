"""The runtime of a process that is not one: several may stand in the same test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from shared.messaging.runtime import Runtime, open_runtime
from shared.settings import ServiceSettings
from tests.integration.conftest import Installation


@asynccontextmanager
async def runtime_of(installation: Installation, service: str = "records") -> AsyncIterator[Runtime]:
    """Open what a role of a service stands on."""
    settings = ServiceSettings(
        amqp_url=SecretStr(installation.amqp_url("operator")),
        mongo_url=SecretStr(installation.mongo_url),
        database_suffix=installation.suffix,
        keys_dir=installation.keys,
        jwks_url="http://127.0.0.1:9/jwks",
        http_port=0,
    )
    async with open_runtime(service, settings) as runtime:
        yield runtime
