"""Sweeps: what their points came to, in one table. Opens without torch."""

from __future__ import annotations

from lightning_trt.sweeps.leaderboard import Leaderboard
from lightning_trt.sweeps.points import SAME, TOLD, Point, points_of
from lightning_trt.sweeps.standing import Standing, standing_of, write

__all__ = ["SAME", "TOLD", "Leaderboard", "Point", "Standing", "points_of", "standing_of", "write"]
