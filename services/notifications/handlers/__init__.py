"""What notifications does: contacts, notices, lots of letters, e-mails, and what comes back of them."""
