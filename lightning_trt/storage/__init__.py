"""Whole files or none, digests, locks."""
