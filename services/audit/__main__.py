"""`python -m services.audit worker|api|jobs`: one process, one role."""

from services.audit import app
from shared.roles import run

if __name__ == "__main__":
    run(app.NAME, {"worker": app.worker, "api": app.api, "jobs": app.jobs})
