"""The services' AsyncAPI documents: fresh, and saying what runs."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.contracts.schema import CONTRACTS, as_text
from shared.messaging.asyncapi import document_of, path_of
from shared.messaging.publications import PUBLISHED
from shared.messaging.topology import FLOWS


@pytest.mark.parametrize("service", PUBLISHED)
def test_documents_are_fresh(service: str):
    """The committed document is what the tables say; `python -m shared.messaging.asyncapi` writes it."""
    assert path_of(service).read_text("utf-8") == as_text(document_of(service))


@pytest.mark.parametrize("service", PUBLISHED)
def test_every_reference_has_its_target(service: str):
    """Nothing points nowhere."""
    document = document_of(service)
    references = list(_references(document))
    assert references
    for reference in references:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    for name, message in document["components"]["messages"].items():
        assert message["payload"]["$ref"] == f"#/components/schemas/{name}"


def test_payloads_are_the_contracts():
    """A payload in a document says what the contract's own schema says."""
    document = document_of("ingest")
    for contract in CONTRACTS:
        schema = document["components"]["schemas"].get(contract.TYPE)
        if schema is not None:
            assert schema["properties"].keys() == contract.model_json_schema()["properties"].keys()
            assert schema["required"] == contract.model_json_schema()["required"]


def test_every_flow_and_contract_is_somewhere():
    """What runs is written down: each queue is received from, each of our own types is sent by somebody."""
    documents = [document_of(service) for service in PUBLISHED]
    operations = {name for document in documents for name in document["operations"]}
    assert {f"receive {flow.queue}" for flow in FLOWS} <= operations
    channels = [
        document["channels"].get(exchange, {}) for document in documents for exchange in ("events", "logged", "ledger")
    ]
    sent = {wire_type for channel in channels for wire_type in channel.get("messages", ())}
    assert sent == {contract.TYPE for contract in CONTRACTS if "insurers" not in contract.__module__}


def _references(part: Any) -> Iterator[str]:
    """Find every `$ref`, however deep: a tool resolves each from the root of the document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    if isinstance(part, list):
        for value in part:
            yield from _references(value)
