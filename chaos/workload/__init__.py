"""Insurers, clinics, patients and professionals of a run: everything they do goes into the history."""

from chaos.workload.playing import play

__all__ = ["play"]
