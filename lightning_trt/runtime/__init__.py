"""Engines at work: manifests, sessions, and the module that stands in for the boundary."""
