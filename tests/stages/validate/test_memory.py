"""Results of the reference's network in earlier runs: taken over for the same bits, and for no others."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import torch
from stages.validate.fits import SETTINGS, Fit
from torch import Tensor, nn
from zoo.scored import rounded

from lightning_trt.stages.validate import remembering, validate
from lightning_trt.storage import Cache

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Scores

NUM_BATCHES = 26

_REMEMBER = """import sys, time; from pathlib import Path
import torch
from lightning_trt.stages.validate import remembering
from lightning_trt.storage import Cache
torch.manual_seed(0)
net = torch.nn.Linear(2, 2)
with remembering(Cache(folder=Path(sys.argv[1])), "net") as memory:
    memory.stand_before({"torch-fp32": net}, [""])
    for number in range(3):
        net(torch.full((1, 2), float(number)))
        time.sleep(0.05)
print(len(memory.new), memory.num_recalled)
"""


class Counting(nn.Module):
    """A net whose class counts the calls, since the reference is a copy; what comes out is times `scale`."""

    num_calls = 0

    def __init__(self, net: nn.Module, *, scale: float = 1.0) -> None:
        super().__init__()
        self.net = net
        self.scale = scale

    def forward(self, images: Tensor) -> Tensor:
        """What the net gives."""
        Counting.num_calls += 1
        return self.net(images) * self.scale


class Drawing(Counting):
    """Draws a random number at each call, and does nothing with it."""

    def forward(self, images: Tensor) -> Tensor:
        """What the net gives."""
        torch.rand(1)
        return super().forward(images)


class Leaving(Counting):
    """Leaves something behind that the step might read."""

    def forward(self, images: Tensor) -> Tensor:
        """What the net gives."""
        self.seen = object()
        return super().forward(images)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(folder=tmp_path / "cache")


def validated(fit: Fit, net: nn.Module, cache: Cache, **how: Any) -> tuple[Scores, int]:
    """Scores of one candidate beside the fitted module around `net`, and how often that ran."""
    subject = fit.subject()
    subject.module.model = net
    engines = {"int8": {"model": rounded(fit.module.model, step=0.2)}}
    Counting.num_calls = 0
    with remembering(cache, "net", **how) as memory:
        found = validate(subject, engines=engines, settings=SETTINGS, monitor="val/acc", foreseen=memory)
    return found, Counting.num_calls


def test_the_network_runs_once_for_all_runs(fit: Fit, cache: Cache) -> None:
    """But for the call that shows that it is still the same; scores are the same too, evidence included."""
    net = Counting(fit.module.model)
    first, num_calls = validated(fit, net, cache)

    second, num_again = validated(fit, net, cache)

    assert (num_calls, num_again) == (NUM_BATCHES, 1)
    assert second == first


def test_another_network_under_the_same_name_is_found_out(fit: Fit, cache: Cache) -> None:
    """Code that no digest shows: nothing of the other one is taken over."""
    validated(fit, Counting(fit.module.model), cache)
    other = Counting(fit.module.model, scale=-1.0)

    found, num_calls = validated(fit, other, cache)

    assert num_calls == NUM_BATCHES
    assert found == validated(fit, other, Cache(folder=cache.folder / "other"))[0]


@pytest.mark.parametrize("kind", [Drawing, Leaving])
def test_a_network_that_does_more_than_give_results_runs_again(fit: Fit, cache: Cache, kind: type[Counting]) -> None:
    """Whatever it does would not happen."""
    net = kind(fit.module.model)
    validated(fit, net, cache)

    assert validated(fit, net, cache)[1] == NUM_BATCHES


def test_what_is_beyond_the_limit_is_computed_again(fit: Fit, cache: Cache) -> None:
    """Ten batches fit: of eight images with four logits of four bytes each."""
    net = Counting(fit.module.model)
    validated(fit, net, cache, limit_bytes=10 * 8 * 4 * 4)

    assert validated(fit, net, cache)[1] == NUM_BATCHES - 9


def test_a_step_may_write_into_what_it_gets(cache: Cache) -> None:
    """What is remembered is not what the step holds."""
    net = nn.Linear(2, 2)
    given = torch.ones(1, 2)
    with remembering(cache, "net") as memory:
        memory.stand_before({"torch-fp32": net}, [""])  # type: ignore[dict-item]  # as good as any module
        before = net(given).clone()
        net(given).zero_()

    with remembering(cache, "net") as memory:
        memory.stand_before({"torch-fp32": net}, [""])  # type: ignore[dict-item]  # the same
        found = [net(given) for _ in range(3)]

    assert all(torch.equal(each, before) for each in found)


def test_a_run_that_fails_leaves_nothing(cache: Cache) -> None:
    """Half of the batches are of no use to anybody who waits."""
    net = nn.Linear(2, 2)
    with suppress(RuntimeError), remembering(cache, "net") as memory:
        memory.stand_before({"torch-fp32": net}, [""])  # type: ignore[dict-item]  # the same
        net(torch.ones(1, 2))
        net(torch.ones(1, 3))

    assert not list(cache.folder.rglob("results.pt"))


def test_a_truncated_file_is_computed_again(fit: Fit, cache: Cache) -> None:
    """As if there were none."""
    net = Counting(fit.module.model)
    validated(fit, net, cache)
    (path,) = cache.folder.rglob("results.pt")
    path.write_bytes(path.read_bytes()[:100])

    assert validated(fit, net, cache)[1] == NUM_BATCHES
    assert validated(fit, net, cache)[1] == 1


def test_a_cache_that_cannot_be_written_costs_a_warning(fit: Fit, tmp_path: Path) -> None:
    """And no scores."""
    (tmp_path / "file").write_text("x")

    with pytest.warns(UserWarning, match="were not kept for later runs: cannot create the cache folder"):
        _, num_calls = validated(fit, Counting(fit.module.model), Cache(folder=tmp_path / "file" / "cache"))

    assert num_calls == NUM_BATCHES


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
def test_a_full_disk_under_the_cache_costs_a_warning(cache: Cache) -> None:
    """Torch's writer raises an error of its own, which is no OSError."""
    import resource  # noqa: PLC0415 - POSIX

    def remember_until_full() -> None:
        net, (_, hard) = nn.Linear(2, 2), before
        with remembering(cache, "net") as memory:
            memory.stand_before({"torch-fp32": net}, [""])  # type: ignore[dict-item]
            net(torch.zeros(1000, 2))
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.warns(UserWarning, match="were not kept for later runs"):
            remember_until_full()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not list(cache.folder.rglob("results.pt"))


def test_four_processes_at_once_run_the_network_once(cache: Cache) -> None:
    """The others wait for the first, and run one call to see that it is the same network."""
    command = [sys.executable, "-c", _REMEMBER, str(cache.folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]

    said = [process.communicate(timeout=300)[0].strip() for process in running]

    assert sorted(said) == ["0 2", "0 2", "0 2", "3 0"]
