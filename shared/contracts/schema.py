"""The contracts as JSON Schemas: `python -m shared.contracts.schema` writes them beside the code."""

import json
from pathlib import Path
from typing import Any, Final

from shared.contracts import ingest, insurers, operations, records
from shared.contracts.event import Event, schema_name

FOLDER: Final = Path(__file__).parent / "schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

CONTRACTS: Final[tuple[type[Event], ...]] = (
    insurers.BeneficiaryRegisteredV1,
    insurers.ReimbursementSettledV1,
    ingest.BeneficiaryAcceptedV1,
    ingest.ReimbursementReceivedV1,
    ingest.BeneficiaryRefusedV1,
    ingest.ReimbursementRefusedV1,
    ingest.MessageRefusedV1,
    records.AccountOpenedV1,
    records.RecordUpdatedV1,
    operations.OperatorActedV1,
)
"""Every message, in the order in which a line of care meets them."""

_PROSE: Final = frozenset({"title", "description"})


def schema_of(contract: type[Event]) -> dict[str, Any]:
    """Return a contract's JSON Schema, named as the ``dataschema`` of its events."""
    return {"$schema": DIALECT, "$id": schema_name(contract.TYPE), **contract.model_json_schema()}


def as_text(document: Any) -> str:
    """Return a document as it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def is_additive(old: Any, new: Any) -> bool:
    """Tell whether whoever reads by the old schema reads what the new one allows: only optional fields were added."""
    if isinstance(old, dict) and isinstance(new, dict):
        former = {name: value for name, value in old.items() if name not in _PROSE}
        added = {name for name in new if name not in _PROSE} - former.keys()
        grows = "properties" in old or _is_table(old)
        return (not added or grows) and all(
            name in new and (_same_required(value, new[name]) if name == "required" else is_additive(value, new[name]))
            for name, value in former.items()
        )
    return bool(old == new)


def _is_table(schema: dict[str, Any]) -> bool:
    """Tell a table of named schemas (`properties`, `$defs`) from a schema: it may grow."""
    return bool(schema) and all(isinstance(value, dict) for value in schema.values())


def _same_required(old: list[str], new: list[str]) -> bool:
    return set(old) == set(new)


def main() -> None:
    """Write every schema."""
    FOLDER.mkdir(exist_ok=True)
    for contract in CONTRACTS:
        (FOLDER / f"{contract.TYPE}.json").write_text(as_text(schema_of(contract)), "utf-8")


if __name__ == "__main__":
    main()
