"""Run all comparisons, and write what the book shows of them: ``make bench``.

The results go to ``book/benchmarks/``, from which the chapter "Implementation" draws and
`report.py` writes ``backmatter/benchmarks.md``. Everything runs on one core but for the one
comparison of two threads with one.

Run as ``python benchmarks/run.py peers`` it compares with other libraries instead, which need
builds of torch of their own: ``make bench PEERS=1``. Those results go to ``peers.json``
and stay there until the next time.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import platform
import re
import sys
from importlib import metadata
from pathlib import Path

import bench_ensemble
import bench_layers
import bench_mc
import bench_nn
import bench_peers
import report
import timing
import torch

__all__ = ["machine", "main", "versions"]

# name of the group: what measures it
GROUPS = {
    "goals": bench_layers.goals,
    "packing": bench_layers.packing,
    "variants": bench_layers.variants,
    "sizes": bench_layers.sizes,
    "modules": bench_nn.rows,
    "ensembles": bench_ensemble.rows,
    "mc": bench_mc.rows,
}
PEERS = {"branches": bench_peers.stochastic_depth, "predictors": bench_peers.predictions}
PACKAGES = ("numpy", "torch", "timm", "torchvision", "baal", "torch-uncertainty")
FAMILIES = ("Xeon", "Core", "EPYC", "Ryzen", "Apple", "Neoverse", "Cortex")


def main(what="all"):
    """Measure, print, and write the results and the page made from them."""
    cores = bench_layers._threads._cores()
    torch.set_num_threads(1)
    threads = {"threads": bench_layers.threads()} if cores > 1 and what == "all" else {}
    bench_nn.one_core()
    if what == "peers":
        results, missing = _measured(PEERS, cores), bench_peers.missing()
        if missing:  # half a table would take the place of a whole one
            print(f"skipped: {missing}; {report.PEERS} stays as it was")
        else:
            _write(report.PEERS, results)
        return
    results = _measured(GROUPS, cores, threads)
    _write(report.RESULTS, results)
    print(f"\n{report.goals_text(results)}\n")
    print("Not compared with other libraries: that is `make bench PEERS=1`.")


def _measured(measures, cores, groups=None):
    """The groups given and those that are measured now, with machine and versions."""
    groups = dict(groups or {})
    for name, measure in measures.items():
        groups[name] = measure()
        print(f"\n{name}\n{timing.table(groups[name])}", flush=True)
    return {
        "machine": machine(cores),
        "versions": versions(),
        "rows": [
            {"group": name, **{key: _rounded(value) for key, value in row._asdict().items()}}
            for name, rows in groups.items()
            for row in rows
        ],
    }


def _write(path, results):
    """Store the results and renew the page."""
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    report.PAGE.write_text(report.page(report.load(), report.load(report.PEERS)), encoding="utf-8")
    print(f"\nwritten: {path} and {report.PAGE}")
    print("Run `make notebooks` now: the chapter shows these numbers.")


def machine(cores):
    """What a reader needs to place the times: no names, no serial numbers."""
    return {
        "processor": _family(),
        "cores": cores,
        "second_level_cache_kib": _cache_kib(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions():
    """Versions of what was compared."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _family():
    """Maker and family of the processor, without its model."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)[1]
    except (OSError, TypeError):
        name = platform.processor()
    maker = next((word for word in ("Intel", "AMD", "Apple", "ARM") if word in name), "")
    family = next((word for word in FAMILIES if word in name), "processor")
    return f"{maker} {family}".strip()


def _cache_kib():
    """Size of the cache that the sampler's blocks are meant for, where Linux tells it."""
    path = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
    try:
        return int(path.read_text(encoding="utf-8").strip().removesuffix("K"))
    except (OSError, ValueError):
        return None


def _rounded(value):
    """Four digits: more would be noise."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main(*sys.argv[1:])
