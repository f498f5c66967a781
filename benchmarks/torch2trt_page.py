"""The snippets of torch2trt's page, as docs/from-torch2trt.md has them, and what a machine must change in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

__all__ = ["adapted", "blocks", "run"]

_GUIDE = Path(__file__).parents[1] / "docs" / "from-torch2trt.md"
_IMPORT = "from torch2trt import torch2trt, TRTModule\n"
_OURS = "from lightning_trt.compat.torch2trt import torch2trt, TRTModule\n"
_ON_CPU = "from functools import partial\n\ntorch2trt = partial(torch2trt, backend='onnxruntime')\n"


def blocks() -> list[tuple[str, str]]:
    """Kind and text of each block of the guide, in its order: `page` is torch2trt's, `here` is ours."""
    return re.findall(r"```python (page|here)\n(.*?)```", _GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def adapted(text: str, *, on_gpu: bool) -> str:
    """The snippet for this package; without a GPU for the processor and ONNX Runtime, and without TensorRT's enum."""
    ours = text.replace(_IMPORT, _OURS)
    if on_gpu:
        return ours
    on_cpu = ours.replace(_OURS, _OURS + _ON_CPU).replace(".cuda()", "")
    return on_cpu.replace("import tensorrt as trt", "import lightning_trt.compat.torch2trt as trt")


def run(text: str, names: dict[str, Any], *, on_gpu: bool) -> None:
    """Nothing; the snippet ran with these names, and left its own among them."""
    exec(compile(adapted(text, on_gpu=on_gpu), _GUIDE.name, "exec"), names)  # noqa: S102 - the guide's own code
