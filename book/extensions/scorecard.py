"""Render the scorecard from what `make scorecard` stored; no finding is typed.

A fault is shown only where lines that do without the suite have shown it again, and were stored
with what they printed: else the build stops.
"""

import re
from collections import Counter
from html import escape

from book import scorecard
from dropcheck.conformance import CHECKS
from dropcheck.conformance.registry import GROUPS, ordered

PAGE = "backmatter/scorecard"
MATRIX, FAULTS, LAYERS, PROOFS = (
    f'<div class="scorecard-{part}"></div>' for part in ("matrix", "faults", "layers", "checks")
)
# Worst first: a cell of the matrix shows the first that occurs in its group.
MARKS = {"fault": "✗", "note": "•", "holds": "✓", "not run": "–"}


def confirmed(faults, results):
    """Return the title and id of each confirmed fault, by layer and check."""
    found = {}
    for fault in faults:
        if fault["id"] in results["faults"]:
            for layer, checks in fault["found"].items():
                found |= {(layer, check): fault for check in checks}
    return found


def worst(outcomes):
    """Return the status that a cell shows, and how many outcomes have it."""
    counts = Counter(outcome["status"] for outcome in outcomes)
    return next(((status, counts[status]) for status in MARKS if counts[status]), ("not run", 0))


def cell(layer, group, outcomes):
    """Return one cell of the matrix, which leads to what was seen."""
    mine = [outcome for outcome in outcomes if CHECKS[outcome["name"]].group == group]
    if not mine:
        return '<td class="none"></td>'
    status, count = worst(mine)
    word = f"{group}: {count} of {len(mine)} {status}"
    return (
        f'<td class="{status.replace(" ", "-")}"><a href="#{layer}-{group}" title="{word}" '
        f'aria-label="{word}">{MARKS[status]}</a></td>'
    )


def versions(stored):
    """Return the versions of what was examined, in words."""
    return ", ".join(f"{name} {number}" for name, number in stored["versions"].items())


def is_earlier(entry, stored):
    """Return whether an earlier version of the suite found what is stored of a layer."""
    return stored["suite"] != scorecard.digest(entry)


def lacking(stored):
    """Return which checks were not there yet when a layer was examined, in words."""
    names = {outcome["name"] for outcome in stored["outcomes"]}
    new = [
        check.name
        for check in ordered()
        if stored["kind"] in check.kinds and check.name not in names
    ]
    return f", without {', '.join(new)}" if new else ""


def matrix(layers, results):
    """Return the table of all layers, a row each."""
    earlier = any(is_earlier(entry, results[entry["id"]]) for entry in layers)
    star = "; * an earlier version of the suite, see the layer" if earlier else ""
    heads = "".join(f'<th scope="col"><span>{group}</span></th>' for group in GROUPS)
    rows = []
    for entry in layers:
        outcomes = results[entry["id"]]["outcomes"]
        cells = "".join(cell(entry["id"], group, outcomes) for group in GROUPS)
        name = f"{escape(entry['framework'])} <code>{escape(entry['layer'])}</code>"
        name += "*" if is_earlier(entry, results[entry["id"]]) else ""
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return "\n".join(
        [
            '<div class="pst-scrollable-table-container" tabindex="0"><table class="scorecard">',
            "<caption>✓ all checks hold, • a note, ✗ a fault, – not offered; "
            f"empty: no check{star}</caption>",
            f'<thead><tr><th scope="col">Layer</th>{heads}</tr></thead><tbody>',
            *rows,
            "</tbody></table></div>",
        ]
    )


def fault_card(fault, layers, results):
    """Return a fault: what it is, the lines that show it, and what they printed."""
    names = ", ".join(
        f'<a href="#scorecard-{entry["id"]}">{escape(entry["framework"])} '
        f"<code>{escape(entry['layer'])}</code></a>"
        for entry in layers
        if entry["id"] in fault["found"]
    )
    stored = results["faults"][fault["id"]]
    return (
        f'<section class="scorecard-fault" id="fault-{fault["id"]}">'
        f"<h3>{escape(fault['title'])}</h3><p>{names}</p><p>{escape(fault['says'].strip())}</p>"
        f"<p>{escape(fault['known'].strip())}</p>"
        f'<pre tabindex="0"><code>{escape(stored["code"].strip())}</code></pre>'
        f'<p>prints</p><pre tabindex="0"><code>{escape(stored["printed"])}</code></pre></section>'
    )


def counted(number, status):
    """Return how many checks ended so, in words."""
    words = {"fault": "faults", "note": "notes", "holds": "hold"}
    return f"{number} {status if number == 1 else words.get(status, status)}"


def marked(text):
    """Return what a check says of itself as HTML, with code as code."""
    return re.sub("``(.+?)``", r"<code>\1</code>", escape(text))


def layer_fold(entry, stored, known):
    """Return all that was seen of one layer, folded, with the command that shows it."""
    counts = Counter(outcome["status"] for outcome in stored["outcomes"])
    told = ", ".join(counted(counts[status], status) for status in MARKS if counts[status])
    rows, named = [], set()
    for outcome in stored["outcomes"]:
        group = CHECKS[outcome["name"]].group
        name = "" if group in named else f' id="{entry["id"]}-{group}"'
        named.add(group)
        status, seen = outcome["status"], escape(outcome["seen"])
        if outcome["power"] is not None:
            seen += f" (power at least {int(outcome['power'] * 10_000) / 10_000:g})"
        if status == "fault":
            fault = known[entry["id"], outcome["name"]]
            seen += f' <a href="#fault-{fault["id"]}">Shown in five lines</a>'
        rows.append(
            f'<tr{name}><td class="{status.replace(" ", "-")}">{MARKS[status]}</td>'
            f"<td>{outcome['name']}</td><td>{seen}</td></tr>"
        )
    suite = f" of processor time; suite {stored['suite']}"
    if is_earlier(entry, stored):
        suite = f"; an earlier version of the suite ({stored['suite']}{lacking(stored)})"
    backend = f"KERAS_BACKEND={entry['backend']} " if "backend" in entry else ""
    return (
        f"<details><summary>{escape(entry['framework'])} <code>{escape(entry['layer'])}</code>: "
        f'{told}</summary><div id="scorecard-{entry["id"]}">'
        f'<p class="scorecard-seen">{versions(stored)}; '
        f"{stored['kind']} dropout, false alarm at most {stored['false_alarm'] * 1.05:.1e}, "
        f"{stored['seconds']:.0f} s{suite}.</p>"
        f'<pre tabindex="0"><code>{backend}python -m dropcheck {escape(entry["run"])}</code></pre>'
        f'<table class="scorecard-seen"><tbody>{"".join(rows)}</tbody></table></div></details>'
    )


def proofs():
    """Return what each check proves and what it misses."""
    lines = ['<dl class="scorecard-checks">']
    for entry in ordered():
        lines.append(f"<dt><code>{entry.name}</code>: {marked(entry.title)}</dt>")
        lines.append(f"<dd>Proves: {marked(entry.proves)}<br>Misses: {marked(entry.misses)}</dd>")
    return "\n".join([*lines, "</dl>"])


def render(page):
    """Fill the rooms of the page.

    Raises
    ------
    ValueError
        If a fault is stored that no lines of their own have confirmed.
    """
    results, faults = scorecard.results(), scorecard.faults()
    layers = [entry for entry in scorecard.layers() if entry["id"] in results]
    known = confirmed(faults, results)
    for entry in layers:
        for outcome in results[entry["id"]]["outcomes"]:
            if outcome["status"] == "fault" and (entry["id"], outcome["name"]) not in known:
                raise ValueError(
                    f"{entry['id']}: {outcome['name']} is stored as a fault, and no lines in "
                    "book/scorecard/faults.yml confirm it"
                )
    shown = [fault for fault in faults if fault["id"] in results["faults"]]
    for room, text in (
        (MATRIX, matrix(layers, results)),
        (FAULTS, "\n".join(fault_card(fault, layers, results) for fault in shown)),
        (LAYERS, "\n".join(layer_fold(entry, results[entry["id"]], known) for entry in layers)),
        (PROOFS, proofs()),
    ):
        page = page.replace(room, text.replace("\n\n", "\n"))
    return page


def fill(app, docname, source):
    """Put tables and cards where the page has room for them."""
    if docname == PAGE:
        source[0] = render(source[0])


def setup(app):
    """Connect the hooks."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
