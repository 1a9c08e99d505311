"""Tests run on the CPU, where the same seed gives the same bits; BURNISH_TEST_GPU=1 lets them see the GPUs.

Then `pytest tests/tasks/test_gpu.py` is what to run: other tests ask for equal bits, or for a CPU.
"""

import os

if not os.environ.get("BURNISH_TEST_GPU"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
