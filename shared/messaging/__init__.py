"""One way to process a message: inbox rows, effects and outbox rows in one transaction."""
