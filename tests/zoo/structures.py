"""Modules whose steps call their nets in many ways, and DataModules with batches of many forms."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchmetrics import Metric

from zoo.classifier import Classifier, ConvNet
from zoo.data import CLASSES, Images

__all__ = [
    "Autoencoder",
    "Detector",
    "DictImages",
    "Embedder",
    "EncodesOnly",
    "Gan",
    "KeywordClassifier",
    "ListImages",
    "NamedOutputs",
    "OutOfReach",
    "OwnWeights",
    "Pairs",
    "PlainForward",
    "Preprocessing",
    "Siamese",
    "StringsInBatch",
    "TakesBatch",
    "WithTeacher",
]


class _Logs(Classifier):
    """A classifier whose steps share one way from batch to logits."""

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self(batch[0]), batch[1]

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        logits, targets = self.logits(batch)
        return nn.functional.cross_entropy(logits, targets)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        logits, targets = self.logits(batch)
        self.log("val/loss", nn.functional.cross_entropy(logits, targets), batch_size=len(targets))
        self.accuracy(logits, targets)
        self.log("val/acc", self.accuracy, batch_size=len(targets))


class DictImages(Images):
    """Batches `{"image": ..., "scale": ..., "target": ..., "name": [...]}`."""

    def val_dataloader(self) -> Any:
        return self._loader(self.val)

    def train_dataloader(self) -> Any:
        return self._loader(self.train)

    def _loader(self, data: Any) -> Any:
        items = [
            {"image": x, "scale": torch.tensor(1.5), "target": y, "name": str(at)} for at, (x, y) in enumerate(data)
        ]
        return DataLoader(items, batch_size=self.batch_size)


class TwoInputs(nn.Module):
    """Scaled images to a dict of logits and features."""

    def __init__(self) -> None:
        super().__init__()
        self.net = ConvNet()

    def forward(self, image: Tensor, *, scale: Tensor) -> dict[str, Any]:
        logits = self.net(image * scale[:, None, None, None])
        return {"logits": logits, "more": (logits.softmax(1), logits.argmax(1))}


class KeywordClassifier(_Logs):
    """Calls `self.model(image=..., scale=...)` from a dict batch, and takes logits from a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.model = TwoInputs()

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self.model(batch["image"], scale=batch["scale"])["logits"], batch["target"]


class StringsInBatch(_Logs):
    """Calls `self(batch)` with a dict that holds strings; `forward` takes the image out."""

    def forward(self, batch: Any) -> Tensor:
        return self.model(batch["image"])

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self(batch), batch["target"]


class TakesBatch(StringsInBatch):
    """Calls `self(batch)` with tensors alone in a dict."""

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self({"image": batch["image"]}), batch["target"]


class Preprocessing(_Logs):
    """Scales in its own `forward`, which so is the boundary."""

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images * 2)


class PlainForward(_Logs):
    """Calls `self.model.forward(x)`, which no hook sees."""

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self.model.forward(batch[0]), batch[1]


class Outputs(NamedTuple):
    """Two results."""

    logits: Tensor
    features: list[Tensor]


class Named(nn.Module):
    """A net with a namedtuple of results."""

    def __init__(self) -> None:
        super().__init__()
        self.net = ConvNet()

    def forward(self, images: Tensor) -> Outputs:
        logits = self.net(images)
        return Outputs(logits, [logits + 1, logits + 2])


class NamedOutputs(_Logs):
    """A net that gives a namedtuple with a list in it."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Named()

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self.model(batch[0]).logits, batch[1]


class Encodes(nn.Module):
    """A net whose users call its method `encode`."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = ConvNet()

    def encode(self, images: Tensor) -> Tensor:
        return self.inner(images)


class EncodesOnly(_Logs):
    """Calls `self.model.encode(x)`, so that the inner module is the boundary."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Encodes()

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self.model.encode(batch[0]), batch[1]


class Siamese(_Logs):
    """The same net twice in a step."""

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self.model(batch[0]) - self.model(batch[0].flip(-1)), batch[1]


class Autoencoder(_Logs):
    """Encoder and decoder, called one after the other by the step."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU())
        self.decoder = nn.Linear(8, CLASSES)
        del self.model

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self.decoder(self.encoder(batch[0])), batch[1]


class WithTeacher(_Logs):
    """Logs the distance to a frozen teacher besides."""

    def __init__(self) -> None:
        super().__init__()
        self.teacher = ConvNet(width=4).requires_grad_(requires_grad=False)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        self.log("val/distance", (self.model(batch[0]) - self.teacher(batch[0])).abs().mean())


class Gan(pl.LightningModule):
    """A generator and a critic, optimised by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator = nn.Linear(4, 64)
        self.critic = nn.Linear(64, 1)

    def training_step(self, batch: Any, batch_idx: int) -> None:
        ours, theirs = self.optimizers()
        for optimizer, sign in ((ours, -1.0), (theirs, 1.0)):
            loss = sign * self.critic(self.generator(batch[0][:, 0, 0, :4])).mean()
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val/acc", self.critic(self.generator(batch[0][:, 0, 0, :4])).mean())

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(part.parameters(), lr=0.01) for part in (self.generator, self.critic)]


class Embedder(_Logs):
    """Integer tokens of varying length to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Tagger()

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        length = 5 + int(batch[1][0]) % 2 + len(batch[1]) % 3
        tokens = batch[0].flatten(1)[:, :length].abs().long().clamp(max=9)
        return self.model(tokens, (tokens > 0)), batch[1]


class Tagger(nn.Module):
    """Tokens and mask, both of shape `(batch, length)`, to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 8)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return self.head((self.embedding(tokens) * mask[..., None]).sum(1))


class ListImages(Images):
    """Batches `(tuple of images, tuple of targets)`, as detection has them."""

    def val_dataloader(self) -> Any:
        return DataLoader(
            self.val, batch_size=self.batch_size, collate_fn=lambda items: tuple(zip(*items, strict=True))
        )

    def train_dataloader(self) -> Any:
        return DataLoader(
            self.train, batch_size=self.batch_size, collate_fn=lambda items: tuple(zip(*items, strict=True))
        )


def _listed(items: list[Any]) -> tuple[Any, ...]:
    return tuple(zip(*items, strict=True))


class Hits(Metric):
    """A metric of lists of dicts, as detection metrics are."""

    def __init__(self) -> None:
        super().__init__()
        self.add_state("hits", [], dist_reduce_fx=None)

    def update(self, found: list[dict[str, Tensor]], targets: list[dict[str, Tensor]]) -> None:
        self.hits += [(a["label"] == b["label"]).float() for a, b in zip(found, targets, strict=True)]

    def compute(self) -> Tensor:
        return torch.stack(self.hits).mean()


class Detector(_Logs):
    """Batches of lists; its metric takes lists of dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.hits = Hits()

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self(torch.stack(batch[0])), torch.stack(batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        logits, targets = self.logits(batch)
        self.hits.update([{"label": row.argmax()} for row in logits], [{"label": label} for label in targets])
        self.log("val/acc", self.hits, batch_size=len(targets))


class Pairs(_Logs):
    """Two views of each item in one call."""

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return sum(self.model(torch.cat([batch[0], batch[0].flip(-1)])).chunk(2)), batch[1]


class OwnWeights(_Logs):
    """Weights of the module's own, used in the step itself."""

    def __init__(self) -> None:
        super().__init__()
        del self.model
        self.weight = nn.Parameter(torch.zeros(64, CLASSES))

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return batch[0].flatten(1) @ self.weight, batch[1]


class OutOfReach(_Logs):
    """A net that only a list knows, so that it is no submodule."""

    def __init__(self) -> None:
        super().__init__()
        self.nets = [self.model]
        del self.model

    def logits(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self.nets[0](batch[0]), batch[1]
