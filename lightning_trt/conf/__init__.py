"""Hydra YAML, one file a choice; no code."""
