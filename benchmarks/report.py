"""Turn stored results into the page of the book: nothing on it is typed by hand."""

import json
from pathlib import Path

__all__ = ["GOALS", "PAGE", "PEERS", "RESULTS", "goals", "goals_text", "load", "page", "row"]

RESULTS = Path(__file__).resolve().parents[1] / "book" / "benchmarks" / "results.json"
PEERS = RESULTS.with_name("peers.json")
PAGE = Path(__file__).resolve().parent.parent / "backmatter" / "benchmarks.md"

TITLES = {
    "goals": "NumPy: four million units",
    "packing": "NumPy: a mask of one byte or of one bit a unit, forward and backward",
    "variants": "NumPy: other layers, four million units",
    "sizes": "NumPy: all sizes",
    "threads": "NumPy: two threads, in elapsed time",
    "modules": "PyTorch modules: all sizes",
    "ensembles": "Exact ensembles",
    "mc": "Monte Carlo dropout, 100 samples",
}
PEER_TITLES = {
    "branches": "Other libraries: stochastic depth",
    "predictors": "Other libraries: Monte Carlo dropout, 100 samples",
}
# (what, group, case, method, ratio that is wanted: at least, or if negative at most so much)
GOALS = [
    ("NumPy forward, p = 0.3", "goals", "forward, p = 0.3", "dropoutlib", 8),
    ("NumPy forward, p = 0.5", "goals", "forward, p = 0.5", "dropoutlib", 8),
    ("NumPy forward, p = 0.3, in copies", "goals", "in copies, p = 0.3", "numpy.copyto", -4.5),
    *(
        (f"module, {case}", "modules", case, "dropoutlib", wanted)
        for case, wanted in {
            "training step, 4000000 units": 4,
            "training step, 1 units": 0.9,
            "training step, 1000 units": 0.9,
            "forward, 1 units": 0.9,
        }.items()
    ),
    *(
        (f"{case}, mc_samples", "mc", case, "mc_samples", wanted)
        for case, wanted in {
            "MLP 784-512-512-10, batch 1": 15,
            "MLP 784-512-512-10, batch 64": 3,
            "convolutional, dropout in head, batch 1": 25,
            "convolutional, dropout in head, batch 32": 9,
            "MLP 784-512-512-10, batch 256": 1,
            "convolutional, dropout of maps, batch 32": 1,
            "MLP, dropout first, batch 512": 1,
            "MLP 3-8-1, batch 64": 1,
            "residual, batch 64": 1,
            "LSTM, batch 32": 1,
            "transformer, batch 16": 1,
        }.items()
    ),
]


def load(path=RESULTS):
    """The stored results."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def row(results, group, case, method):
    """The one row of these names; KeyError if there is none."""
    for found in results["rows"]:
        if (found["group"], found["case"], found["method"]) == (group, case, method):
            return found
    raise KeyError(f"no row {(group, case, method)} in the results")


def goals(results):
    """For each goal measured: its text, the ratio, what was wanted, and whether it is reached."""
    for text, group, case, method, wanted in GOALS:
        try:
            ratio = row(results, group, case, method)["ratio"]
        except KeyError:
            continue
        reached = ratio >= wanted if wanted > 0 else ratio <= -wanted
        yield text, ratio, f"at {'least' if wanted > 0 else 'most'} {abs(wanted):g}", reached


def goals_text(results):
    """The goals as lines of text."""
    return "\n".join(
        f"{'reached' if reached else 'MISSED':8}{text}: {ratio:.3g}, wanted {wanted}"
        for text, ratio, wanted, reached in goals(results)
    )


def page(results, peers):
    """Text of ``backmatter/benchmarks.md`` from both files of results."""
    parts = [_head(results, peers), _goals_table(results)]
    for found, titles in ((results, TITLES), (peers, PEER_TITLES)):
        for group, title in titles.items():
            rows = [row for row in found["rows"] if row["group"] == group]
            if rows:
                parts.append(_table(title, rows))
    return "\n\n".join(parts) + "\n"


def _head(results, peers):
    lines = [
        "<!-- Made by `make bench` from book/benchmarks/*.json; do not edit. -->",
        "# Benchmarks",
        "",
        "What `make bench` measured when it was last run; the chapter",
        "[](../chapters/implementation.ipynb) explains the numbers.",
        "Each ratio is the time of the first method of a case over that of the method in the row,",
        "both taken in the same round: above 1 is quicker than the first.",
        "Ratios are medians over the rounds, with the quartiles beside them.",
        "Times are those of the processor for the one process, of a call that follows others of",
        'its kind, as in a loop, but where a case says "after other work"; small sizes are',
        "repeated within a round.",
        "",
        f"- Machine: {_machine(results)}.",
        f"- Versions: {_listed(results['versions'])}.",
        f"- Other libraries, which have a run and a torch of their own: {_machine(peers)}; "
        f"{_listed(peers['versions'])}.",
    ]
    return "\n".join(lines)


def _machine(results):
    machine = results["machine"]
    cache = machine["second_level_cache_kib"]
    parts = [
        machine["processor"],
        f"{machine['cores']} cores",
        "one used",
        *([f"{cache} KiB of second-level cache a core"] if cache else []),
        machine["system"],
    ]
    return ", ".join(parts)


def _listed(versions):
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _goals_table(results):
    lines = [
        "## Goals",
        "",
        "| goal | wanted | measured | reached |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {text} | {wanted} | {ratio:.3g} | {'yes' if reached else '**no**'} |"
        for text, ratio, wanted, reached in goals(results)
    ]
    return "\n".join(lines)


def _table(title, rows):
    lines = [
        f"## {title}",
        "",
        "| case | method | time, ms | ratio | quartiles |",
        "|---|---|--:|--:|---|",
    ]
    case = None
    for found in rows:
        shown = found["case"] if found["case"] != case else ""
        case = found["case"]
        lines.append(
            f"| {shown} | {found['method']} | {found['milliseconds']:.3g} | {found['ratio']:.3g} "
            f"| {found['low']:.3g} to {found['high']:.3g} |"
        )
    return "\n".join(lines)
