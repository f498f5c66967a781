"""One live display for the long work."""
