"""Where records keeps what it owns."""
