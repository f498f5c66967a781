"""Lightning's hooks, turned into one call of the pipeline."""
