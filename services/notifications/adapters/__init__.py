"""Where notifications keeps what it owns."""
