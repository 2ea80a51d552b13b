"""The other side of the whole way: Celery as it is used, one task per line, set up to lose nothing.

Acknowledged after the work, given back if its process dies, quorum queue, publications confirmed, writes by a
majority and journaled. A task stores the line and an audit row. It does less than Carnet: a line is not checked, not
sealed, and not chained to the one before; a task that is repeated after the first of its two writes leaves no doubt
here only because both ids are the line's own.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from celery import Celery
from celery.signals import worker_process_init
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

DATABASE: Final = "bench_celery"
QUEUE: Final = "bench.celery"

app = Celery("bench", broker=os.environ.get("CARNET_AMQP_URL"))
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_native_delayed_delivery_queue_type="classic",
    broker_transport_options={"confirm_publish": True},
    task_acks_late=True,
    task_default_queue=QUEUE,
    task_default_queue_type="quorum",
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    worker_enable_remote_control=False,
    worker_prefetch_multiplier=int(os.environ.get("CARNET_BENCH_PREFETCH", "16")),
)

_opened: list[Database[dict[str, Any]]] = []


@worker_process_init.connect
def _open(**_arguments: object) -> None:
    """Connect after the fork, once per process."""
    client: MongoClient[dict[str, Any]] = MongoClient(os.environ["CARNET_MONGO_URL"])
    _opened.append(client.get_database(DATABASE, write_concern=WriteConcern("majority", j=True)))


@app.task(name="bench.store_line")
def store_line(line: Mapping[str, Any]) -> None:
    """Store a line and the trace of it; a line that is there already is left as it is."""
    database = _opened[0]
    with suppress(DuplicateKeyError):
        database["lines"].insert_one({"_id": line["id"], **line})
    with suppress(DuplicateKeyError):
        database["audit"].insert_one(
            {"_id": line["id"], "record": line["record"], "what": "reimbursement stored", "at": datetime.now(UTC)}
        )
