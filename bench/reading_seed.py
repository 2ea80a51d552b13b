"""People with twenty documents each, and a professional whom all of them authorised."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from os import environ
from typing import Final
from unittest.mock import patch
from uuid import uuid4

import orjson

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_documents import MongoDocuments
from services.records.adapters.mongo_rights import MongoRights
from services.records.domain.account import Account, AccountState, Cause, Registration
from services.records.domain.documents import Document
from services.records.domain.rights import By, Grant, Right
from shared.identity import name_of
from shared.messaging.acts import perform
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.unit import Unit
from shared.sealing import Key, KeyClass, aad, seal
from shared.settings import ServiceSettings

DOCTOR: Final = "899700366240"
DOCUMENTS: Final = 20
_TOLD: Final = Registration(1, "cpam-44", "e1", "RG", "44", None, ins_key_valid=True, box=b"shut")


async def seed(environment: Mapping[str, str], people: int) -> list[str]:
    """Keep people, documents and rights; return the record ids."""
    with patch.dict(environ, environment):
        settings = ServiceSettings()
    async with open_runtime("records", settings) as runtime:
        return [await _person(runtime) for _ in range(people)]


async def forget_traces(environment: Mapping[str, str]) -> None:
    """Stand in for audit, which would have logged them by now."""
    with patch.dict(environ, environment):
        settings = ServiceSettings()
    async with open_runtime("records", settings) as runtime:
        await runtime.database["traces"].delete_many({})


async def _person(runtime: Runtime) -> str:
    record, now = uuid4().hex, datetime.now(UTC)
    content = (record, KeyClass.CONTENT)
    keys = await runtime.vault.ensure_keys([content, (record, KeyClass.AUDIT)])
    right = Right(record, name_of(runtime.index_key, DOCTOR), Grant.AUTHORISED, now, By.HOLDER, 1, b"shut")
    account = Account(record, AccountState.OPEN, Cause.LEGACY_DMP, now, 2, _TOLD)
    documents = [_document(record, keys[content], now - timedelta(days=number)) for number in range(DOCUMENTS)]

    async def work(unit: Unit) -> None:
        MongoAccounts(runtime.database).save([account], unit, read={})
        MongoDocuments(runtime.database).add(documents, unit)
        MongoRights(runtime.database).save(right, unit, read=None)

    await perform(runtime, work)
    return record


def _document(record: str, key: Key, created: datetime) -> Document:
    name = uuid4().hex
    box = seal(key, orjson.dumps({"entry": _entry()}), aad(record, name, "document.v1"))
    return Document(name, record, uuid4().hex, created, (), 77_000, "d0" * 16, created, "e1", box)


def _entry() -> dict[str, object]:
    """Return metadata as large as ingest's."""
    party = {
        "identifier": {"root": "1.2.250.1.71.4.2.1", "extension": "810000000005"},
        "family": "MODELE",
        "given": "Maud",
        "device": None,
        "specialty": {"code": "G15_10/SM26", "system": "1.2.250.1.213.1.1.4.5", "label": None},
        "organization": {
            "identifier": {"root": "1.2.250.1.71.4.2.2", "extension": "1750000006"},
            "name": "Clinique du Pont",
        },
    }
    return {
        "unique_id": f"1.2.250.1.999.1^{uuid4().hex}",
        "type_code": {"code": "11490-0", "system": "2.16.840.1.113883.6.1", "label": "Lettre de liaison à la sortie"},
        "class_code": "10",
        "format_code": "urn:ihe:iti:xds:2017:mimeTypeSufficient",
        "title": "Lettre de liaison à la sortie d'un établissement de soins",
        "creation_time": "2026-11-03T09:15:00+00:00",
        "confidentiality": ["N"],
        "authors": [party],
        "legal_authenticator": party,
        "custodian": party["organization"],
        "service_start": "2026-10-28T09:00:00+00:00",
        "service_stop": "2026-11-03T00:00:00+00:00",
        "mime_type": "text/xml",
        "media_type": "application/pdf",
        "language": "fr-FR",
        "size": 77_000,
        "sha256": "ab" * 32,
    }
