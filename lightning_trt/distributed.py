"""The few points where ranks meet."""
