"""Render the answers from interactive/answers.yml and the stored results; no number is typed.

The page is one table: a group of rows for each question, with a line for each claim. It is plain
HTML, because Markdown has no captions, groups or headers of rows.
"""

import re
from html import escape
from pathlib import Path

import yaml

PAGE = "interactive/answers"
ROOM = '<div class="answers-table"></div>'
NO_BREAK = "\N{NO-BREAK SPACE}"
COLUMNS = ("Claim", "Verdict", "Effect and 98 % interval", "Seen on")
# The unit in which each metric is shown, how many of it are 1, and its digits.
NATS = ("nats", 1, 3)
UNITS = {
    "error": ("points of error", 100, 2),
    "unexplained": ("points of variance", 100, 1),
    "nll": NATS,
    "scaled": NATS,
    "shift_nll": NATS,
    "shift_scaled": NATS,
    "aurc": ("points of error", 100, 2),
    "shift_aurc": ("points of error", 100, 2),
    "digits": ("points of pairs", 100, 2),
    "fashion": ("points of pairs", 100, 2),
    "crps": ("standard deviations", 1, 4),
    "rmse": ("standard deviations", 1, 4),
    "excess": NATS,
    "best": NATS,
    "last": NATS,
}
SETS = {
    "digits": "digits of 8 by 8 pixels",
    "fashion_mnist": "Fashion-MNIST",
    "japanese_vowels": "spoken vowels",
    "mnist": "MNIST",
    "mnist_5k": "5000 images of MNIST",
    "protein": "decoys of proteins",
    "concrete": "mixtures of concrete",
    "wine_red": "red wines",
    "shakespeare": "Shakespeare's plays",
}
MARKS = {"supported": "✓", "undecided": "?", "contradicted": "✗", "equivalent": "="}


def load(root):
    """Questions of the page, with the comparisons that their claims rest on."""
    return yaml.safe_load((Path(root) / "interactive" / "answers.yml").read_text(encoding="utf-8"))


def key(line):
    """Return what names the comparison of a line, such as ``emp-hidden-rate/digits error``."""
    parts = ("advice", "contrast", "statement", "says")
    if "experiment" in line:
        parts = ("experiment", "metric", "worse", "better")
    elif "registered" in line:
        parts = ("registered", "question", "metric")
    return "/".join(line[part] for part in parts if part in line)


def verdict(line):
    """Return the `book.experiments.verdicts.Verdict` on one line of a question."""
    from book.experiments import verdicts  # not before it is needed: it takes SciPy

    if "advice" in line:
        return verdicts.of_advice(line["advice"], line["contrast"])
    if "statement" in line:
        asked = (line["statement"], line["says"], line["metric"])
        return verdicts.of_statement(*asked, turned=line.get("turned", False))
    if "registered" in line:
        return verdicts.of_registered(line["registered"], line["question"], line["metric"])
    return verdicts.of_arms(*(line[part] for part in ("experiment", "metric", "worse", "better")))


def number(value, metric, sign=""):
    """Return a number in the unit of the metric, with a true minus; zero has no sign."""
    _, scale, digits = UNITS[metric]
    text = f"{scale * value:{sign}.{digits}f}"
    return (text if float(text) else text.strip("+-")).replace("-", "\N{MINUS SIGN}")


def effect(found):
    """Say in HTML what is gained, with its interval, and a margin or allowance."""
    unit = UNITS[found.metric][0]
    low, high = (number(end, found.metric, "+") for end in found.interval)
    text = f"{number(found.estimate, found.metric, '+')} {unit} "
    text += f'<span class="interval">[{low}, {high}]</span>'
    if found.allowed:
        text += f", {number(found.allowed, found.metric)} may be lost"
    if found.margin is not None:
        text += f", margin {number(found.margin, found.metric)}"
    return text


def scope(found):
    """Say on which data, how many training rows, which width and how many seeds it was seen."""
    results, arms = found.found, found.arms
    begins = {name: (f"{name} ", f"{name}: ") for name in results.data}
    names = [name for name in begins if any(arm.startswith(begins[name]) for arm in arms)]
    names = names or list(results.data)
    parts = [" and ".join(SETS[name] for name in names) or "tokens drawn by a random network"]
    tuned = "levels" in results.settings
    rows = results.settings.get("rows")
    if results.registered and "shakespeare" not in names:  # of which arms read parts of two sizes
        few = {arm.endswith("few rows") for arm in arms}
        size = results.settings["few"] if True in few else results.settings["sizes"][0]
        rows = size if len(few) == 1 else None  # which the claim tells
    if isinstance(rows, dict):
        rows = rows[names[0]]
    parts += [f"{rows} training rows"] if rows else []
    width = results.settings.get("width", results.settings.get("hidden"))
    other = any(name in arm for arm in arms for name in ("narrow", ", wide"))
    parts += [f"width {width}"] if width and not other else []
    on_pilot = "tuned on a pilot" if "tried" in results.settings else "no arm tuned"
    parts += ["every arm tuned" if tuned else on_pilot]
    return ", ".join([*parts, f"{len(results.seeds)} seeds"])


def row(claim, found):
    """Return a claim, the verdict on it, its effect and where it was seen as a row of HTML."""
    return (
        f'<tr><th scope="row">{escape(claim)}</th>\n'
        f'<td><span class="verdict {found.word}"><span aria-hidden="true">'
        f"{MARKS[found.word]}</span> {found.word}</span></td>\n"
        f"<td>{effect(found)}</td><td>{scope(found)}</td></tr>"
    )


def code(line):
    """Return a line of code, whose comment a narrow page does not break."""
    whole = re.sub("(?<=  )#.*", lambda comment: comment[0].replace(" ", NO_BREAK), line)
    return f"<code>{escape(whole, quote=False)}</code>"


def render(root):
    """Return questions and table as HTML without an empty line, which would end it in Markdown."""
    questions = load(root)
    lines = ['<ul class="answers-list">']
    lines += [f'<li><a href="#answer-{q["id"]}">{escape(q["ask"])}</a></li>' for q in questions]
    lines += ["</ul>", '<table class="answers">']
    lines += ["<caption>Claims about dropout, and what stored experiments say of them</caption>"]
    heads = "".join(f'<th scope="col">{column}</th>' for column in COLUMNS)
    lines += [f"<thead><tr>{heads}</tr></thead>"]
    for question in questions:
        chapter, anchor = question["section"].split("#")
        where = f"../chapters/{chapter}.html#{anchor}"
        lines += [
            f'<tbody id="answer-{question["id"]}">',
            f'<tr class="question"><th scope="rowgroup" colspan="4">{escape(question["ask"])}</th>',
            "</tr>",
            f'<tr class="advice"><td colspan="4"><p>{escape(question["advice"])}',
            f'<a href="{where}">Shown in {chapter.capitalize()}</a></p>',
            f"<p>{code(question['code'])}</p></td></tr>",
        ]
        lines += [row(line["claim"], verdict(line)) for line in question["lines"]]
        lines += ["</tbody>"]
    return "\n".join([*lines, "</table>"])


def fill(app, docname, source):
    """Put the table where the page has room for it."""
    if docname == PAGE:
        source[0] = source[0].replace(ROOM, render(app.srcdir))


def setup(app):
    """Connect the hooks."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
