"""What can break is broken on purpose, and what we promise then is held against what happens.

    python benchmarks/torture --part faults     every kind of fault at every station of an export that ends a fit
    python benchmarks/torture --part kills      kill -9 at random moments of exports, fits and sweeps
    python benchmarks/torture --part ranks      each kind of fault on one of two or three ranks

Disks are really full and folders really cannot be written to: each trial has mounts of its own, in a namespace of the
bench's, which needs root or user namespaces (Linux). Each part's JSON is in results/torture. `--quick` is what CI runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
_NAMESPACE = "LIGHTNING_TRT_TORTURE_MOUNTS"


def in_namespace_of_our_own() -> None:
    """Nothing; this process sees its own mounts, so that nothing which is mounted here is seen elsewhere.

    Where the system forbids that, what needs a disk of its own is left out.
    """
    if _NAMESPACE in os.environ:
        return
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *as_root, "--mount"]
    mount = ["mount", "-t", "tmpfs", "trial", "/tmp"]  # noqa: S108 - in a namespace that ends with it
    if shutil.which("unshare") is None or subprocess.run([*command, *mount], check=False).returncode != 0:
        print("No mounts of our own are allowed here: full disks and read-only folders are left out.", file=sys.stderr)
        os.environ[_NAMESPACE] = "none"
        return
    os.environ[_NAMESPACE] = "ours"
    os.execvp(command[0], [*command, sys.executable, *sys.orig_argv[1:]])


if __name__ == "__main__":
    in_namespace_of_our_own()
    sys.path.append(str(Path(__file__).parents[1]))
    from parts import main

    raise SystemExit(main())
