"""Use cases: every event becomes an entry, and a person reads what was done with the own record."""
