"""The demonstration: its chapters, what is shown while they are told, and the summary at the end."""
