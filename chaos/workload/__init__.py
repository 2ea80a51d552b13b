"""Insurers, clinics, patients and professionals of a run: everything they do goes into the history."""

from chaos.workload.last_look import last_look
from chaos.workload.playing import play

__all__ = ["last_look", "play"]
