"""What `import lightning_trt` costs beside `import pytorch_lightning`, and what it leaves alone.

Processor time of fresh interpreters, in turns; the ratio is that of the medians. `import lightning_trt` alone opens
lazily, so the callback is imported too, which is what a training script does, and every public name is asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median

from record import Bound, arguments, record

LIGHTNING = "import pytorch_lightning"
OURS = "import lightning_trt"
CALLBACK = "from lightning_trt import TRTExportCallback"
EVERYTHING = "from lightning_trt import *"
BACKENDS = ("onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda")

_PROBE = """
import json, sys, time
start = time.process_time()
{statements}
spent = time.process_time() - start
cuda = sys.modules.get("torch.cuda")
print(json.dumps({{
    "seconds": spent,
    "loaded": [name for name in {backends!r} if name in sys.modules],
    "cuda": bool(cuda is not None and cuda.is_initialized()),
}}))
"""

# Without this, what is installed for editing is compiled anew at each import, and what pip installed is not.
COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def probe(statements: str) -> dict[str, object]:
    """Seconds, backends loaded, and whether CUDA was touched, of a fresh interpreter that runs `statements`."""
    code = _PROBE.format(statements=statements, backends=BACKENDS)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=COMPILED)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    cases = {
        "pytorch_lightning": LIGHTNING,
        "lightning_trt": OURS,
        "lightning_trt and its callback": CALLBACK,
        "lightning_trt and all its names": EVERYTHING,
    }
    rounds = [{name: probe(code) for name, code in cases.items()} for _ in range(2 if asked.quick else 11)]
    seconds = {name: [float(str(one[name]["seconds"])) for one in rounds] for name in cases}
    middle = {name: median(values) for name, values in seconds.items()}
    ours = [name for name in cases if name != "pytorch_lightning"]
    loaded = {name for one in rounds for case in ours for name in one[case]["loaded"]}  # type: ignore[attr-defined]  # from JSON
    bounds = [
        *(
            Bound(
                name=f"{name} / pytorch_lightning",
                value=middle[name] / middle["pytorch_lightning"],
                bound=1.1,
                unit="x",
            )
            for name in ours
        ),
        Bound(name="backends loaded by an import", value=len(loaded), bound=0, unit="packages"),
        Bound(
            name="imports that initialise CUDA",
            value=sum(bool(one[name]["cuda"]) for one in rounds for name in ours),
            bound=0,
            unit="runs",
        ),
    ]
    measured = {"seconds": seconds, "loaded": sorted(loaded)}
    return record("imports", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
