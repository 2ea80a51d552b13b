"""The contracts as JSON Schemas: `python -m shared.contracts.schema` writes them beside the code."""

import json
from pathlib import Path
from typing import Any, Final

from shared.contracts import accesses, audit, erasures, ingest, insurers, ledger, notifications, operations, records
from shared.contracts.event import Event, schema_name

FOLDER: Final = Path(__file__).parent / "schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

CONTRACTS: Final[tuple[type[Event], ...]] = (
    insurers.BeneficiaryRegisteredV1,
    insurers.ReimbursementSettledV1,
    ingest.BeneficiaryAcceptedV1,
    ingest.ReimbursementReceivedV1,
    ingest.DocumentReceivedV1,
    ingest.BeneficiaryRefusedV1,
    ingest.ReimbursementRefusedV1,
    ingest.MessageRefusedV1,
    records.AccountOpenedV1,
    records.RecordUpdatedV1,
    records.DocumentStoredV1,
    records.DocumentRefusedV1,
    records.NoticeRequestedV1,
    records.AccountOpposedV1,
    records.AccountClosedV1,
    records.HistoryRequestedV1,
    records.OversightChangedV1,
    notifications.NoticeSentV1,
    notifications.NoticeUndeliverableV1,
    accesses.AccessTracedV1,
    accesses.AccessCountedV1,
    audit.AccessLoggedV1,
    erasures.EntriesErasedV1,
    operations.OperatorActedV1,
    ledger.LedgerStatedV1,
)
"""Every message, in the order in which a line of care meets them."""

_PROSE: Final = frozenset({"title", "description"})
_TABLES: Final = frozenset({"properties", "$defs"})


def schema_of(contract: type[Event]) -> dict[str, Any]:
    """Return a contract's JSON Schema, named as the ``dataschema`` of its events."""
    return {"$schema": DIALECT, "$id": schema_name(contract.TYPE), **contract.model_json_schema()}


def as_text(document: Any) -> str:
    """Return a document as it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def is_additive(old: Any, new: Any) -> bool:
    """Tell whether whoever reads by the old schema reads what the new one allows: only optional fields were added."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(_keyword_holds(name, old.get(name), new.get(name)) for name in (old.keys() | new.keys()) - _PROSE)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(is_additive, old, new))
    return bool(old == new)


def _keyword_holds(name: str, old: Any, new: Any) -> bool:
    """Tables of named schemas may grow; what is required stays the same; anything else may not even appear."""
    if name in _TABLES:
        return all(field in (new or {}) and is_additive(schema, new[field]) for field, schema in (old or {}).items())
    if name == "required":
        return set(old or ()) == set(new or ())
    return is_additive(old, new)


def main() -> None:
    """Write every schema."""
    FOLDER.mkdir(exist_ok=True)
    for contract in CONTRACTS:
        (FOLDER / f"{contract.TYPE}.json").write_text(as_text(schema_of(contract)), "utf-8")


if __name__ == "__main__":
    main()
