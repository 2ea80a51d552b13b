"""PDFs that can be archived and read aloud, by Typst with our own fonts: letters and proofs."""
