"""Share the blocks of a large array between two threads; NumPy computes outside Python's lock."""

import os
from concurrent.futures import ThreadPoolExecutor

__all__ = ["for_each"]

# Fewer blocks are done before a second thread has started.
WORTHWHILE = 8


def for_each(work, blocks):
    """Call ``work(block)`` for every block, on two threads if there are many.

    The calls must not depend on one another: which thread makes them, and when, is open.

    Parameters
    ----------
    work : callable
    blocks : sized iterable
    """
    if len(blocks) < WORTHWHILE or _cores() < 2:
        for block in blocks:
            work(block)
        return
    # Threads of this call's own: a pool that is kept would hang in a forked process.
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(work, blocks):  # raises what a call raised
            pass


def _cores():
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
