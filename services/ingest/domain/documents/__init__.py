"""What a clinical document must be before it is kept: pure rules on a header that was read elsewhere."""
