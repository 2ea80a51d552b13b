"""HTTP as every service speaks it: who is calling, what a refusal looks like, and how the process listens."""
