"""The ledger: whether everything that was published is accounted for, always and in production (rules 8 and 14)."""
