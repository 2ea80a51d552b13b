"""The services: each owns its database and its queues, and imports none of the others."""
