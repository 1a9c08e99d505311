"""Memory that was freed, handed back to the machine.

Arrow and the C library of Linux keep what large arrays leave behind, hundreds of MB after a stage, for arrays to come;
the next stage's arrays have other sizes and seldom fit.

Known failure: other C libraries have no such call, and keep what they keep.
"""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def give_back_memory() -> None:
    """Have Arrow and the C library of Linux let go of what is free."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
