"""Run all comparisons, and write what the book shows of them: ``make bench``.

Each group is measured in three fresh processes, on one core, and each comparison in both kinds of
loop (see `timing.compare`). The results go to ``book/benchmarks/``, from which the chapter
"Implementation" draws and `report.py` writes ``backmatter/benchmarks.md``.

Run as ``python benchmarks/run.py peers`` it compares with other libraries instead, which need
builds of torch of their own: ``make bench PEERS=1``. Those results go to ``peers.json``
and stay there until the next time. Run as ``python benchmarks/run.py goals`` it measures that one
group and stores nothing.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import platform
import re
import subprocess
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

__all__ = ["machine", "main", "measured", "versions"]

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
PEERS = {
    "branches": bench_peers.stochastic_depth,
    "predictors": bench_peers.predictions,
    "models": bench_mc.libraries,
}
PACKAGES = ("numpy", "torch", *bench_peers.PACKAGES)
FAMILIES = ("Xeon", "Core", "EPYC", "Ryzen", "Apple", "Neoverse", "Cortex")
# A goal counts as reached when all of them reach it.
PROCESSES = 3


def main(what="all"):
    """Measure, print, and write the results and the page made from them."""
    if what in GROUPS | PEERS:
        measured(what)
    elif what != "peers":
        _write(report.RESULTS, _results(GROUPS))
        print("Not compared with other libraries: that is `make bench PEERS=1`.")
    elif bench_peers.missing():  # half a table would take the place of a whole one
        print(f"skipped: {bench_peers.missing()}; {report.PEERS} stays as it was")
    else:
        _write(report.PEERS, _results(PEERS))


def measured(group):
    """The rows of a group from three processes, merged, printed on the way."""
    processes = []
    for _ in range(PROCESSES):
        command = [sys.executable, __file__, "--once", group]
        child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        *remarks, rows = child.stdout.splitlines()
        print(*remarks, sep="\n", end="\n" * bool(remarks))
        processes.append([timing.Row(**row) for row in json.loads(rows)])
    rows = timing.merged(processes)
    print(f"\n{group}\n{timing.table(rows)}", flush=True)
    return rows


def _once(group):
    """Measure a group in this process, and print its rows as the last line."""
    bench_nn.one_core()
    rows = (GROUPS | PEERS)[group]()
    print(json.dumps([row._asdict() for row in rows]))


def _results(groups):
    """What is stored of some groups."""
    return {
        "machine": machine(),
        "versions": versions(),
        "processes": PROCESSES,
        "rows": [
            {"group": name, **{key: _rounded(value) for key, value in row._asdict().items()}}
            for name in groups
            for row in measured(name)
        ],
    }


def _write(path, results):
    """Store the results and renew the page."""
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    stored = report.load(), report.load(report.PEERS)
    report.PAGE.write_text(report.page(*stored), encoding="utf-8")
    print(f"\n{report.goals_text(*stored)}")
    print(f"\nwritten: {path} and {report.PAGE}")
    print("Run `make notebooks` now: the chapter shows these numbers.")


def machine():
    """What a reader needs to place the times: no names, no serial numbers."""
    return {
        "processor": _family(),
        "cores": os.cpu_count(),
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
    if "--once" in sys.argv:
        _once(sys.argv[-1])
    else:
        main(*sys.argv[1:])
