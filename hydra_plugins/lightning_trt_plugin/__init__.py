"""What Hydra finds of lightning-trt in every application: its configs, below `lightning_trt/`.

Hydra imports this at the start of each of its applications on the machine, whether they use us or not: nothing here may
cost time, and lightning_trt itself is imported when one of its configs is asked for.
"""
