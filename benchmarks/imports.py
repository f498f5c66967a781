"""What `import lightning_trt` costs beside `import pytorch_lightning`, and what it leaves alone.

Processor time of fresh interpreters, each of which imports pytorch_lightning and then us, so that both times are of the
same moment of the machine; a ratio is that of both together to the first, the median over the interpreters.
`import lightning_trt` alone opens lazily, so the callback is imported too, which is what a training script does, and
every public name is asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median
from typing import Any

from record import Bound, arguments, record

CASES = {
    "lightning_trt": "import lightning_trt",
    "lightning_trt and its callback": "from lightning_trt import TRTExportCallback",
    "lightning_trt and all its names": "from lightning_trt import *",
}
BACKENDS = ("onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda")

_PROBE = """
import json, sys, time
start = time.process_time()
import pytorch_lightning
middle = time.process_time()
{statement}
end = time.process_time()
cuda = sys.modules.get("torch.cuda")
print(json.dumps({{
    "pytorch_lightning": middle - start,
    "ours": end - middle,
    "loaded": [name for name in {backends!r} if name in sys.modules],
    "cuda": bool(cuda is not None and cuda.is_initialized()),
}}))
"""

# Without this, what is installed for editing is compiled anew at each import, and what pip installed is not.
COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def probe(statement: str) -> dict[str, Any]:
    """Seconds, backends loaded, and whether CUDA was touched, of a fresh interpreter that runs `statement`."""
    code = _PROBE.format(statement=statement, backends=BACKENDS)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=COMPILED)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    rounds = [{name: probe(code) for name, code in CASES.items()} for _ in range(2 if asked.quick else 11)]
    ratios = {name: [1 + one[name]["ours"] / one[name]["pytorch_lightning"] for one in rounds] for name in CASES}
    runs = [run for one in rounds for run in one.values()]
    loaded = {name for run in runs for name in run["loaded"]}
    bounds = [
        *(
            Bound(name=f"{name} / pytorch_lightning", value=median(values), bound=1.1, unit="x")
            for name, values in ratios.items()
        ),
        Bound(name="backends loaded by an import", value=len(loaded), bound=0, unit="packages"),
        Bound(name="imports that initialise CUDA", value=sum(run["cuda"] for run in runs), bound=0, unit="runs"),
    ]
    measured = {"runs": rounds, "ratios": ratios, "loaded": sorted(loaded)}
    return record("imports", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
