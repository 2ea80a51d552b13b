"""What ingest does: admit, accept, refuse."""
