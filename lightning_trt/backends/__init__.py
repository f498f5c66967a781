"""Runtimes that build engines and open them, found by name and imported on demand."""
