"""Inbound HTTP: what operators see of the log, and what a person sees of the own record's."""
