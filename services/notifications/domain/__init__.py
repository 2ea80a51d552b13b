"""What notifications knows about contacts: pure rules, no I/O."""
