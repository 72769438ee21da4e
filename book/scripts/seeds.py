"""Under how many seeds the claim tests were run; tests/reseed.py runs and stores them."""

import json

STORED = "tests/reseeded.json"


def stored(root):
    """Return the runs, the oldest first: day, number of tests, state, failed tests of each seed.

    The state is a fingerprint of tests and code, and what changes them begins a new run. Of the
    first one, of fewer tests than there are now, neither their number nor the state was kept. In
    a run that has `left_out`, so many tests, those that take longest, were not run.
    """
    return json.loads((root / STORED).read_text(encoding="utf-8"))


def failures(runs):
    """Map each seed of all runs to the tests that failed under it in any."""
    found = {}
    for run in runs:
        for seed, failed in run["seeds"].items():
            found[seed] = sorted({*failed, *found.get(seed, ())})
    return found


def complete(runs):
    """Return the seeds under which no test was left out."""
    return {seed for run in runs if "left_out" not in run for seed in run["seeds"]}


def said(runs):
    """Say under how many seeds the tests were run, and under how many one failed."""
    found, last = failures(runs), runs[-1]
    failed = sum(map(bool, found.values()))
    left_out = f", all but the {last['left_out']} that take longest" if "left_out" in last else ""
    of_the_last = (
        f", the last {len(last['seeds'])} on {last['day']} with {last['tests']} tests{left_out}"
        if last["tests"]
        else f" up to {last['day']}, with fewer tests than there are now"
    )
    outcome = f"Under {failed} of them a test failed." if failed else "No test failed under any."
    return f"under {len(found)} seeds{of_the_last}. {outcome}"
