"""Inbound HTTP: what people and agents ask, and what operators see."""
