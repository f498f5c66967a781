"""What a drop rests on, as it stands in `report.json`: evidence, and the items that turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.artifacts import BatchMeans, Bootstrap, ClassFlips, FlippedItem, Flips, PairedBinary

if TYPE_CHECKING:
    from lightning_trt.artifacts import Evidence
    from lightning_trt.renderers._tree import Node

__all__ = ["evidence_of", "flips_of"]

_SIDES = ("reference", "candidate")


def evidence_of(node: Node) -> Evidence:
    """The evidence at `node`, of whichever kind."""
    kind = node.get("kind").text()
    if kind == "paired-binary":
        return _paired(node)
    if kind == "batch-means":
        return _batch_means(node)
    if kind == "bootstrap":
        return _bootstrap(node)
    return node.get("kind").refuse('"paired-binary", "bootstrap" or "batch-means"')


def _paired(node: Node) -> PairedBinary:
    n, worse, better = (node.get(key).integer() for key in ("n", "worse", "better"))
    if worse + better > n:
        node.get("n").refuse(f"a number of items, of which {worse} got worse and {better} better,")
    return PairedBinary(n=n, worse=worse, better=better)


def _bootstrap(node: Node) -> Bootstrap:
    unit = node.get("unit").text()
    reference, candidate = (tuple(each.number() for each in node.get(side).items()) for side in _SIDES)
    members = node.members()
    rarer = members.get("changed_rarer")
    if unit not in {"item", "batch"}:
        node.get("unit").refuse('"item" or "batch"')
    if len(reference) != len(candidate):
        node.get("candidate").refuse(f"a list of {len(reference)} numbers, as many as the reference's")
    return Bootstrap(
        unit=unit,
        n=node.get("n").integer(),
        changed=node.get("changed").integer(),
        reference=reference,
        candidate=candidate,
        is_mean="is_mean" in members and node.get("is_mean").flag(),
        is_additive="is_additive" not in members or node.get("is_additive").flag(),
        changed_rarer=rarer.integer() if rarer is not None and not rarer.is_null else None,
    )


def _batch_means(node: Node) -> BatchMeans:
    mean, deviation = (node.get(key).number() for key in ("mean", "deviation"))
    skewness = node.get("skewness").number() if "skewness" in node.members() else 0.0
    return BatchMeans(n=node.get("n").integer(), mean=mean, deviation=deviation, skewness=skewness)


def flips_of(node: Node) -> Flips:
    """The items that turned, at `node`."""
    worse, better = (tuple(_item(each) for each in node.get(f"{way}_items").items()) for way in ("worse", "better"))
    return Flips(
        p_value=node.get("p_value").number(),
        worse_items=worse,
        better_items=better,
        by_class=tuple(_class(each) for each in node.get("by_class").items()),
    )


def _item(node: Node) -> FlippedItem:
    label = node.get("label")
    return FlippedItem(
        index=node.get("index").integer(),
        label=None if label.is_null else label.integer(),
        change=node.get("change").number(),
    )


def _class(node: Node) -> ClassFlips:
    label, n, worse, better = (node.get(key).integer() for key in ("label", "n", "worse", "better"))
    return ClassFlips(label=label, n=n, worse=worse, better=better)
