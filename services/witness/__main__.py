"""`python -m services.witness api`: one process, one role."""

from services.witness import app
from shared.roles import run

if __name__ == "__main__":
    run(app.NAME, {"api": app.api})
