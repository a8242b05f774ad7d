"""Leakgate: an egress gateway that stops company data from leaking into AI services."""

import os

# Read when NumPy is loaded first. The matrices of the name model are small and there is a worker for
# each core: more threads only get into each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
