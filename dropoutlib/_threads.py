"""Share the stripes of a large array between two threads; NumPy computes outside Python's lock."""

import os
from concurrent.futures import ThreadPoolExecutor

__all__ = ["STRIPE", "for_each_stripe"]

# Entries that a thread takes at a time: about a millisecond's work.
STRIPE = 1 << 20
# Fewer stripes are done before a second thread has started.
WORTHWHILE = 8


def for_each_stripe(work, size):
    """Call ``work(k, slice)`` for each stripe k of `size` entries, on two threads if many.

    The calls must not depend on one another: which thread makes them, and when, is open.
    """
    stripes = [slice(start, start + STRIPE) for start in range(0, size, STRIPE)]
    if len(stripes) < WORTHWHILE or _cores() < 2:
        for k, stripe in enumerate(stripes):
            work(k, stripe)
        return
    # Threads of this call's own: a pool that is kept would hang in a forked process.
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(work, range(len(stripes)), stripes):  # raises what a call raised
            pass


def _cores():
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
