"""`python -m services.ingest worker|api`: one process, one role."""

from services.ingest import app
from shared.roles import run

if __name__ == "__main__":
    run(app.NAME, {"worker": app.worker, "api": app.api})
