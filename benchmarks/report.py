"""Turn stored results into the page of the book: nothing on it is typed by hand."""

import json
from pathlib import Path

import timing

__all__ = ["GOALS", "PAGE", "PEERS", "RESULTS", "goals", "goals_text", "load", "page", "row"]

RESULTS = Path(__file__).resolve().parents[1] / "book" / "benchmarks" / "results.json"
PEERS = RESULTS.with_name("peers.json")
PAGE = Path(__file__).resolve().parent.parent / "backmatter" / "benchmarks.md"

TITLES = {
    "goals": "NumPy: four million units",
    "packing": "NumPy: a mask of one byte or of one bit a unit, forward and backward",
    "variants": "NumPy: other layers, four million units",
    "sizes": "NumPy: all sizes",
    "modules": "PyTorch modules: all sizes",
    "ensembles": "Exact ensembles",
    "mc": "Monte Carlo dropout, 100 samples",
}
PEER_TITLES = {
    "branches": "Other libraries: stochastic depth",
    "predictors": "Other libraries: Monte Carlo dropout, 100 samples",
    "models": "Models of other libraries: Monte Carlo dropout, 100 samples",
}
# (what, group, case, method, ratio that is wanted: at least, or if negative at most so much)
GOALS = [
    ("NumPy forward, p = 0.3", "goals", "forward, p = 0.3", "dropoutlib", 6),
    ("NumPy forward, p = 0.5", "goals", "forward, p = 0.5", "dropoutlib", 6),
    ("NumPy forward, p = 0.3, in copies", "goals", "in copies, p = 0.3", "numpy.copyto", -3.5),
    ("NumPy training step, p = 0.3", "goals", "training step, p = 0.3", "dropoutlib", 3),
    *(
        (f"module, {case}", "modules", case, "dropoutlib", wanted)
        for case, wanted in {
            "training step, 4000000 units": 3,
            "training step, 1 units": 0.9,
            "training step, 1000 units": 0.9,
            "forward, 1 units": 0.9,
        }.items()
    ),
    *(
        (f"{case}, mc_samples", "mc", case, "mc_samples", wanted)
        for case, wanted in {
            "MLP 784-512-512-10, batch 1": 10,
            "MLP 784-512-512-10, batch 64": 4,
            "convolutional, dropout in head, batch 1": 40,
            "convolutional, dropout in head, batch 32": 40,
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
# On models of other libraries it takes at most so much of the better of loop and more rows.
MOST = 1.1


def load(path=RESULTS):
    """The stored results."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def row(results, group, case, method, loop=timing.IN_TURN):
    """The one row of these names; KeyError if there is none."""
    names = group, case, method, loop
    for found in results["rows"]:
        if tuple(found[key] for key in ("group", "case", "method", "loop")) == names:
            return found
    raise KeyError(f"no row {names} in the results")


def goals(results, peers):
    """For each goal measured: its text, both rows, what was wanted, and whether it is reached.

    It is reached if each process reaches it where calls of the methods take turns.
    """
    for text, group, case, method, wanted in GOALS:
        try:
            found = [row(results, group, case, method, loop) for loop in timing.LOOPS]
        except KeyError:
            continue
        yield _goal(text, found, wanted)
    for case in dict.fromkeys(one["case"] for one in peers["rows"] if one["group"] == "models"):
        found = [_of_better(peers, case, loop) for loop in timing.LOOPS]
        yield _goal(f"{case}, mc_samples over the better of both", found, -MOST)


def _goal(text, found, wanted):
    in_turn, tight = found
    reached = in_turn["low"] >= wanted if wanted > 0 else in_turn["high"] <= -wanted
    wish = f"at {'least' if wanted > 0 else 'most'} {abs(wanted):g}"
    return text, in_turn, tight, wish, reached


def _of_better(peers, case, loop):
    """Time of `mc_samples` over that of the loop or of more rows, whichever is less.

    The ends are those of both spreads, one against the other, so that no process lies beyond.
    """
    ours, rows = (row(peers, "models", case, name, loop) for name in ("mc_samples", "more rows"))
    ends = {"ratio": ("ratio", "ratio"), "low": ("high", "low"), "high": ("low", "high")}
    return {name: max(1, rows[theirs]) / ours[own] for name, (own, theirs) in ends.items()}


def goals_text(results, peers):
    """The goals as lines of text."""
    return "\n".join(
        f"{'reached' if reached else 'MISSED':8}{text}: {_spread(in_turn)} in turn, "
        f"{_spread(tight)} tight, wanted {wanted}"
        for text, in_turn, tight, wanted, reached in goals(results, peers)
    )


def page(results, peers):
    """Text of ``backmatter/benchmarks.md`` from both files of results."""
    parts = [_head(results, peers), _goals_table(results, peers)]
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
        'Calls are timed in two kinds of loop: "in turn", each right after a call of another',
        'method, as in a program that does other things between; and "tight", after calls of its',
        "own kind, which find memory and caches as they left them.",
        "Times are those of the processor for the one process; small sizes are repeated within a",
        "round.",
        "A process takes the median over its rounds; a table shows the median over the processes,",
        "and beside it the least and the greatest (with one process, the quartiles over rounds).",
        "A goal is reached when every process reaches it in turn.",
        "",
        f"- Machine: {_machine(results)}.",
        f"- Versions: {_listed(results['versions'])}.",
        f"- Fresh processes for each group: {results['processes']}.",
        f"- Other libraries, which have a run and a torch of their own: {_machine(peers)}; "
        f"{_listed(peers['versions'])}; processes: {peers['processes']}.",
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


def _goals_table(results, peers):
    lines = [
        "## Goals",
        "",
        "| goal | wanted | in turn | tight | reached |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {text} | {wanted} | {_spread(in_turn)} | {_spread(tight)} "
        f"| {'yes' if reached else '**no**'} |"
        for text, in_turn, tight, wanted, reached in goals(results, peers)
    ]
    return "\n".join(lines)


def _spread(found):
    return f"{found['ratio']:.3g} ({found['low']:.3g} to {found['high']:.3g})"


def _table(title, rows):
    lines = [
        f"## {title}",
        "",
        "| case | method | loop | time, ms | ratio | spread |",
        "|---|---|---|--:|--:|---|",
    ]
    case = None
    for found in rows:
        shown = found["case"] if found["case"] != case else ""
        case = found["case"]
        lines.append(
            f"| {shown} | {found['method']} | {found['loop']} "
            f"| {found['milliseconds']:.3g} | {found['ratio']:.3g} "
            f"| {found['low']:.3g} to {found['high']:.3g} |"
        )
    return "\n".join(lines)
