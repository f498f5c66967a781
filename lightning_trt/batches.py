"""DataModule to batches: the choice of samples, loaders over them, devices."""
