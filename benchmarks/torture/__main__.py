"""What breaks is broken on purpose here, thousands of times, and what we promise then is held against what happens.

    python benchmarks/torture --part faults     every kind of fault at every station of an export that ends a fit
    python benchmarks/torture --part kills      kill -9 at random moments of exports, fits and sweeps
    python benchmarks/torture --part ranks      each kind of fault on one of two or three ranks

Disks are really full and folders really cannot be written to: each trial has mounts of its own, in a namespace of the
bench's, which needs root or user namespaces (Linux). Each part's JSON is in results/torture. `--quick` is what CI runs.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
_INSIDE = "LIGHTNING_TRT_TORTURE"


def in_namespace_of_our_own() -> None:
    """Nothing; this process sees its own mounts, so that nothing which is mounted here is seen elsewhere."""
    if os.environ.get(_INSIDE):
        return
    os.environ[_INSIDE] = "1"
    program = shutil.which("unshare")
    if program is None:
        raise SystemExit("unshare (util-linux) was not found; the disks of the trials are mounted in a namespace.")
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    os.execv(program, [program, *as_root, "--mount", sys.executable, *sys.orig_argv[1:]])


if __name__ == "__main__":
    in_namespace_of_our_own()
    sys.path.append(str(Path(__file__).parents[1]))
    from parts import main

    raise SystemExit(main())
