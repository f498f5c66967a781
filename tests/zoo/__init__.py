"""Small LightningModules and DataModules on synthetic data that all tests share."""

from __future__ import annotations

from zoo.classifier import Classifier, ConvNet
from zoo.data import CLASSES, Images
from zoo.trainers import fitted, quiet_trainer

__all__ = ["CLASSES", "Classifier", "ConvNet", "Images", "fitted", "quiet_trainer"]
