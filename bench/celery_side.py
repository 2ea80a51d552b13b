"""Measures the Celery side: its worker's processes, a publisher with several threads, and what is stored."""

import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from pymongo import MongoClient

from bench.celery_lines import DATABASE, QUEUE, app, store_line
from bench.lines import Line, lines
from bench.measure import Sample, cpu_of, spent
from bench.stack import Ground
from deploy.local.places import CLONE
from deploy.local.processes import Program, Running, launch

PROCESSES: Final = 2
"""Worker processes: more were not faster on two cores."""

THREADS: Final = 4
"""Threads that publish, since a publication waits for its confirmation: more were not faster."""

DEADLINE_S: Final = 120.0


class CelerySide:
    """A running worker that takes one line per task."""

    def __init__(self, ground: Ground, worker: Running) -> None:
        self._ground = ground
        self._watched = {**ground.servers, "celery worker": worker.pid}

    def repeat(self, count: int) -> Sample:
        """Publish lines and wait until all of them are stored and traced."""
        tasks = [_task(line) for line in lines(count)]
        client: MongoClient[dict[str, Any]] = MongoClient(self._ground.stack.mongo_url)
        with client:
            database = client[DATABASE]
            before = database["audit"].estimated_document_count()
            cpu, own, started = cpu_of(self._watched), time.process_time(), time.perf_counter()
            with ThreadPoolExecutor(THREADS) as threads:
                list(threads.map(_publish, tasks, chunksize=20))
            publishing = time.process_time() - own
            while (stored := database["audit"].estimated_document_count() - before) < count:
                if time.perf_counter() - started > DEADLINE_S:
                    raise TimeoutError(f"Celery stored {stored} lines of {count} in {DEADLINE_S:.0f} s")
                time.sleep(0.02)
            seconds = time.perf_counter() - started
            return Sample(count, seconds, {**spent(cpu, cpu_of(self._watched)), "publisher": publishing})


@contextmanager
def celery_side(ground: Ground) -> Iterator[CelerySide]:
    """Start a worker and stop it at the end."""
    app.conf.broker_url = ground.stack.amqp_url("operator")
    argv = [sys.executable, "-m", "celery", "-A", "bench.celery_lines", "worker", "-c", str(PROCESSES)]
    argv += ["--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat", "-Q", QUEUE]
    program = Program("celery", tuple(argv), ground.environment(""), cwd=CLONE)
    worker = launch(program, home=ground.stack.home)
    try:
        yield CelerySide(ground, worker)
    finally:
        worker.stop()


def _task(line: Line) -> Mapping[str, Any]:
    return {"id": line.id, "record": line.record, "month": line.month, "content": line.content}


def _publish(line: Mapping[str, Any]) -> None:
    store_line.apply_async((line,))
