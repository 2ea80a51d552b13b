"""AsyncAPI 3 documents of the services, from the same tables that run them: `python -m shared.messaging.asyncapi`.

FastStream can write such documents too, but it sees handlers that take bytes: the payloads are known to the contracts
and the queues to the topology (decision 0006).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from shared.contracts import audit, ingest, insurers, ledger, records
from shared.contracts.event import Event
from shared.contracts.schema import CONTRACTS, as_text
from shared.messaging.cloudevents import BATCH, MAX_EVENTS, SINGLE
from shared.messaging.publications import PUBLISHED
from shared.messaging.topology import EVENTS, EXCHANGES, FEEDBACK, FLOWS, LEDGER, LOGGED, STRAIGHT, Flow

ROOT: Final = Path(__file__).parents[2]
VERSION: Final = "0.1.0"

_TOLD: Final = (
    ingest.BeneficiaryRefusedV1,
    ingest.ReimbursementRefusedV1,
    ingest.MessageRefusedV1,
    records.HistoryRequestedV1,
)
"""What insurers are told, each of its own."""

_KEYS: Final = {
    EVENTS: "The routing key is the type.",
    FEEDBACK: "The routing key is the insurer's code.",
    LOGGED: "The routing key is the type. Audit does not listen here.",
    LEDGER: "The routing key is the type. Audit has no entry of it in the log.",
    STRAIGHT: "The routing key is the publishing service and the queue: what that queue never had, once more.",
}
"""How each exchange that services publish to routes."""

_NOT_LOGGED: Final = (insurers.__name__, audit.__name__, ledger.__name__)

Document = dict[str, Any]


def document_of(service: str) -> Document:
    """Return a service's AsyncAPI 3 document: every queue it takes from, every type it publishes."""
    flows = [flow for flow in FLOWS if flow.consumer == service]
    published = PUBLISHED[service]
    taken = {flow: _contracts_of(flow) for flow in flows}
    named: list[type[Event]] = [*published, *(one for many in taken.values() for one in many)]
    contracts = {each.TYPE: each for each in named}
    sent = {exchange: contracts for exchange, contracts in _sent(published).items() if contracts}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"Carnet {service}", "version": VERSION, "license": {"name": "Apache-2.0"}},
        "defaultContentType": BATCH,
        "channels": {
            **{flow.queue: _queue(flow, taken[flow]) for flow in flows},
            **{exchange: _exchange(exchange, contracts) for exchange, contracts in sent.items()},
        },
        "operations": {
            **{f"receive {flow.queue}": _operation("receive", flow.queue) for flow in flows},
            **{f"send {exchange}": _operation("send", exchange) for exchange in sent},
        },
        "components": {
            "messages": {wire_type: _message(contract) for wire_type, contract in sorted(contracts.items())},
            "schemas": _schemas([contract for _, contract in sorted(contracts.items())]),
        },
    }


def _sent(published: Iterable[type[Event]]) -> dict[str, list[type[Event]]]:
    """Return what leaves by which exchange."""
    beside: list[type[Event]] = [each for each in published if each is audit.AccessLoggedV1]
    stated: list[type[Event]] = [each for each in published if each is ledger.LedgerStatedV1]
    return {
        EVENTS: [each for each in published if each not in beside + stated],
        FEEDBACK: [each for each in published if each in _TOLD],
        LOGGED: beside,
        LEDGER: stated,
        STRAIGHT: [each for each in published if each not in stated],
    }


def path_of(service: str) -> Path:
    """Return where a service's document is committed."""
    return ROOT / "services" / service / "asyncapi.json"


def _contracts_of(flow: Flow) -> list[type[Event]]:
    if flow.key == "#":
        return [each for each in CONTRACTS if each.__module__ not in _NOT_LOGGED]
    return [each for each in CONTRACTS if flow.key == each.TYPE]


def _queue(flow: Flow, contracts: list[type[Event]]) -> Document:
    binding = {"is": "queue", "queue": {"name": flow.queue, "durable": True, "exclusive": False, "autoDelete": False}}
    about = f"Quorum queue, bound to exchange `{flow.exchange}` by `{flow.key}`."
    return {
        "address": flow.queue,
        "description": about,
        "messages": _references(contracts),
        "bindings": {"amqp": binding},
    }


def _exchange(name: str, contracts: Any) -> Document:
    kind, _ = EXCHANGES[name]
    binding = {"is": "routingKey", "exchange": {"name": name, "type": kind, "durable": True, "autoDelete": False}}
    return {
        "address": None,
        "description": _KEYS[name],
        "messages": _references(contracts),
        "bindings": {"amqp": binding},
    }


def _references(contracts: Any) -> Document:
    return {each.TYPE: {"$ref": f"#/components/messages/{each.TYPE}"} for each in contracts}


def _operation(action: str, channel: str) -> Document:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _message(contract: type[Event]) -> Document:
    return {
        "name": contract.TYPE,
        "title": contract.__name__,
        "summary": (contract.__doc__ or "").splitlines()[0],
        "description": f"One event as `{SINGLE}`, or up to {MAX_EVENTS} as `{BATCH}`.",
        "contentType": SINGLE,
        "payload": {"$ref": f"#/components/schemas/{contract.TYPE}"},
    }


def _schemas(contracts: list[type[Event]]) -> Document:
    """Return the contracts' schemas by wire type, with what they share beside them.

    A tool resolves a reference from the root of the document, not from the schema it stands in.
    """
    places = "#/components/schemas/{model}"
    by_contract, shared = models_json_schema([(each, "validation") for each in contracts], ref_template=places)
    named = {each: by_contract[each, "validation"]["$ref"].rpartition("/")[2] for each in contracts}
    table: Document = dict(shared["$defs"])
    return {each.TYPE: table.pop(name) for each, name in named.items()} | table


def main() -> None:
    """Write every service's document."""
    for service in PUBLISHED:
        path_of(service).write_text(as_text(document_of(service)), "utf-8")


if __name__ == "__main__":
    main()
