"""Ingest's own storage."""
