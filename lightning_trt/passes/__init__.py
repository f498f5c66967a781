"""Graph surgery on ONNX, one rule a file: each takes a model and returns a new one."""
