"""Synthetic people, insurers and tokens: clients of the public doors only."""
