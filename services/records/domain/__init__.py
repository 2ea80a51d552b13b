"""What records knows about accounts and lines: pure rules, no I/O."""
