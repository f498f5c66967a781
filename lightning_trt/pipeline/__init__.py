"""One pipeline behind every way in: the road, and what leads on to it."""

from __future__ import annotations

from lightning_trt.pipeline.enforcement import enforce
from lightning_trt.pipeline.entrances import export, export_fit
from lightning_trt.pipeline.finished import export_checkpoint
from lightning_trt.pipeline.folders import results_folder
from lightning_trt.pipeline.following import Follower
from lightning_trt.pipeline.job import Outcome
from lightning_trt.pipeline.naming import check_names
from lightning_trt.pipeline.plan import planned
from lightning_trt.pipeline.telling import show
from lightning_trt.pipeline.unmade import unmade

__all__ = [
    "Follower",
    "Outcome",
    "check_names",
    "enforce",
    "export",
    "export_checkpoint",
    "export_fit",
    "planned",
    "results_folder",
    "show",
    "unmade",
]
