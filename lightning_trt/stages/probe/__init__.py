"""Station *probe*: which module does validation_step call, with which tensors?"""

from __future__ import annotations

from lightning_trt.stages.probe.station import Probed, probe

__all__ = ["Probed", "probe"]
