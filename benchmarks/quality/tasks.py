"""The tasks of the bench: a net, the data that it is trained on once and kept, and how its answers are scored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import detector
import nets
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from data import CACHE, diamonds, digit_boxes, digit_masks, fashion, pictures, power_demand
from lite import Lite
from scores import Accuracy, Agreement, Detection, Overlap, Regression
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from data import Data
    from scores import Score

__all__ = ["TASKS", "Task", "newly_trained", "shortened", "trained"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A net, its data, and how it is trained and scored; a net of no epochs comes trained."""

    data: Callable[[], Data]
    net: Callable[[Data], nn.Module]
    score: Score
    about: str
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy
    epochs: int = 0
    batch_size: int = 128
    rate: float = 4e-3


TASKS = {
    "cnn": Task(
        data=fashion, net=lambda _: nets.cnn(), score=Accuracy(), epochs=4,
        about="4 convolutions, ReLU; Fashion-MNIST",
    ),
    "depthwise": Task(
        data=fashion, net=lambda _: nets.depthwise(), score=Accuracy(), epochs=4,
        about="inverted residuals, ReLU6; Fashion-MNIST",
    ),
    "squeeze_excite": Task(
        data=fashion, net=lambda _: nets.squeeze_excite(), score=Accuracy(), epochs=4,
        about="inverted residuals, hard-swish, squeeze-and-excite; Fashion-MNIST",
    ),
    "vit": Task(
        data=fashion, net=lambda _: nets.vit(), score=Accuracy(), epochs=8, rate=3e-3,
        about="vision transformer, patches of 4x4; Fashion-MNIST",
    ),
    "unet": Task(
        data=digit_masks, net=lambda _: nets.unet(), score=Overlap(), epochs=6, batch_size=32,
        about="U-Net, a class for each pixel; MNIST digits on canvases",
    ),
    "detector": Task(
        data=digit_boxes, net=lambda _: detector.Detector(), loss=detector.loss, score=Detection(), epochs=12,
        batch_size=32, about="convolutions, a residual block, boxes without anchors; MNIST digits on canvases",
    ),
    "regressor": Task(
        data=diamonds, net=lambda data: nets.regressor(data.train[0].shape[1]), loss=F.smooth_l1_loss,
        score=Regression(), epochs=12, about="perceptron, ReLU; prices of diamonds",
    ),
    "series": Task(
        data=power_demand, net=lambda _: nets.series(1, 2), score=Accuracy(), epochs=40,
        batch_size=32, about="1-d convolutions, leaky ReLU; ItalyPowerDemand",
    ),
    "efficientnet_lite0": Task(
        data=pictures, net=lambda _: Lite(), score=Agreement(),
        about="EfficientNet-Lite0 with ImageNet weights, ReLU6; crops of ten pictures, against fp32 alone",
    ),
}  # fmt: skip


def shortened(task: Task) -> Task:
    """The task on 200 items and with one epoch at most: to see that it works."""
    return replace(task, data=lambda: task.data().first(200), epochs=min(task.epochs, 1))


def trained(name: str) -> nn.Module:
    """The net of a task, trained with seed 0, or as it was trained and kept before."""
    task, path = TASKS[name], CACHE / f"{name}.pt"
    if task.epochs and path.exists():
        net = task.net(task.data())
        net.load_state_dict(torch.load(path, weights_only=True))
        return net.eval()
    net = newly_trained(task)
    if task.epochs:
        CACHE.mkdir(exist_ok=True)
        torch.save(net.state_dict(), path)
    return net


def newly_trained(task: Task) -> nn.Module:
    """The net of a task, trained with seed 0 and not kept."""
    data = task.data()
    torch.manual_seed(0)
    net = task.net(data)
    _train(net, task, *data.train)
    return net.eval()


def _train(net: nn.Module, task: Task, inputs: Tensor, targets: Tensor) -> None:
    """Nothing; the net has learned, on a GPU where there is one, and is back on the processor."""
    if not task.epochs:
        return
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net.to(device)
    inputs, targets = inputs.to(device), targets.to(device)
    steps = task.epochs * (len(inputs) // task.batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), task.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, task.rate, total_steps=steps)
    for epoch in range(task.epochs):
        order = torch.randperm(len(inputs), device=device)
        for batch in order[: len(order) // task.batch_size * task.batch_size].split(task.batch_size):
            loss = task.loss(net(inputs[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"  epoch {epoch + 1} of {task.epochs}: loss {loss.item():.3f}", flush=True)
    net.cpu()
