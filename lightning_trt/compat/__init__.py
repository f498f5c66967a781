"""Interfaces of other packages, as thin fronts over the pipeline's stations.

`torch2trt.py` is torch2trt's reduced-precision interface, `recorder.py` what takes the place of its dataset recorder.
"""
