"""The doors of notifications: operators see how far the sending is, patients what was sent to them."""
