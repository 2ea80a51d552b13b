"""`python -m services.notifications worker|api|jobs`: one process, one role."""

from services.notifications import app
from shared.roles import run

if __name__ == "__main__":
    run(app.NAME, {"worker": app.worker, "api": app.api, "jobs": app.jobs})
