"""Statistics to Ranges: pure functions of numpy, one algorithm a file."""
