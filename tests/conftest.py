"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure of a law.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
