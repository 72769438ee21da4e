"""Run the claim tests that draw anything under many seeds, and keep what was seen.

``python tests/reseed.py 1000`` runs the seeds 1 to 1000 that tests/reseeded.json does not hold
yet. It can be stopped at any time: each seed is stored as it ends. A test fails under a seed where
it rejects a true statement, accepts a wrong form, or was given an example that tells no two apart.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "tests" / "reseeded.json"


def stored() -> dict[str, list[str]]:
    """Map each seed that was run to the tests that failed under it."""
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}


def run(seed: int) -> list[str]:
    """Tests that fail under a seed."""
    command = [sys.executable, "-m", "pytest", "tests/claims", "-q", "-p", "no:cacheprovider"]
    command += ["-m", "claim", "--drawn-only", "--alter=none", f"--seed={seed}", "--tb=line"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTEST_ADDOPTS": ""}
    )
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode and not failed:
        raise SystemExit(f"seed {seed}: the tests did not run\n{done.stdout[-2000:]}")
    return failed


def main(argv: list[str]) -> None:
    """Run the seeds that are missing up to a number."""
    found = stored()
    for seed in range(1, int(argv[0] if argv else 1000) + 1):
        if str(seed) in found:
            continue
        start = time.perf_counter()
        found[str(seed)] = run(seed)
        temporary = STORED.with_suffix(".tmp")
        temporary.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")
        temporary.replace(STORED)
        seconds = time.perf_counter() - start
        print(f"seed {seed}: {seconds:.0f} s {' '.join(found[str(seed)]) or 'passed'}", flush=True)
    failures = sum(map(bool, found.values()))
    print(f"{len(found)} seeds, {failures} with a failure")


if __name__ == "__main__":
    main(sys.argv[1:])
