"""The native stack: private broker, private database, Carnet's own processes; no root, no containers."""
