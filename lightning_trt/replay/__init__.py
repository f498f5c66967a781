"""The user's validation_step on a copy of the module, without touching the original."""
