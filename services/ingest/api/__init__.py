"""Inbound HTTP: what depositors ask."""
