"""The services' AsyncAPI documents: fresh, and saying what runs."""

import pytest

from shared.contracts.schema import CONTRACTS, as_text
from shared.messaging.asyncapi import PUBLISHED, document_of, path_of
from shared.messaging.topology import FLOWS


@pytest.mark.parametrize("service", PUBLISHED)
def test_documents_are_fresh(service: str):
    """The committed document is what the tables say; `python -m shared.messaging.asyncapi` writes it."""
    assert path_of(service).read_text("utf-8") == as_text(document_of(service))


@pytest.mark.parametrize("service", PUBLISHED)
def test_every_reference_has_its_target(service: str):
    """Nothing points nowhere."""
    document = document_of(service)
    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in document["channels"]
    for channel in document["channels"].values():
        for reference in channel["messages"].values():
            name = reference["$ref"].removeprefix("#/components/messages/")
            assert document["components"]["messages"][name]["payload"]["$ref"] == f"#/components/schemas/{name}"
            assert name in document["components"]["schemas"]


def test_every_flow_and_contract_is_somewhere():
    """What runs is written down: each queue is received from, each of our own types is sent by somebody."""
    documents = [document_of(service) for service in PUBLISHED]
    operations = {name for document in documents for name in document["operations"]}
    assert {f"receive {flow.queue}" for flow in FLOWS} <= operations
    sent = {wire_type for document in documents for wire_type in document["channels"]["events"]["messages"]}
    assert sent == {contract.TYPE for contract in CONTRACTS if "insurers" not in contract.__module__}
