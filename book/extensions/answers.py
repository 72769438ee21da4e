"""Render the answers from interactive/answers.yml and the stored results; no number is typed.

Each question has advice and, in a fold, a table with a line for each claim. It is plain HTML,
because Markdown has no captions and no headers of rows.
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


def badge(word, text):
    """Return the mark of a verdict and a text in its colour."""
    mark = f'<span aria-hidden="true">{MARKS[word]}</span>'
    return f'<span class="verdict {word}">{mark} {text}</span>'


def row(claim, found):
    """Return a claim, the verdict on it, its effect and where it was seen as a row of HTML."""
    return (
        f'<tr><th scope="row">{escape(claim)}</th>\n'
        f"<td>{badge(found.word, found.word)}</td>\n"
        f"<td>{effect(found)}</td><td>{scope(found)}</td></tr>"
    )


def code(line):
    """Return a line of code, whose comment a narrow page does not break."""
    whole = re.sub("(?<=  )#.*", lambda comment: comment[0].replace(" ", NO_BREAK), line)
    return f"<code>{escape(whole, quote=False)}</code>"


def counted(words):
    """Return how many claims there are and how many have each verdict, as HTML."""
    counts = {word: words.count(word) for word in MARKS}
    parts = (badge(word, f"{count} {word}") for word, count in counts.items() if count)
    return f"{len(words)} claims: {' '.join(parts)}"


def section(question):
    """Return a question with its advice, and its claims folded behind it."""
    chapter, anchor = question["section"].split("#")
    shown = f'<a href="../chapters/{chapter}.html#{anchor}">Shown in {chapter.capitalize()}</a>'
    found = [verdict(line) for line in question["lines"]]
    heads = "".join(f'<th scope="col">{column}</th>' for column in COLUMNS)
    ask = escape(question["ask"])
    return [
        f'<section class="answer" id="answer-{question["id"]}"><h2>{ask}</h2>',
        f"<p>{escape(question['advice'])} {shown}</p>",
        f"<p>{code(question['code'])}</p>",
        f"<details><summary>{counted([one.word for one in found])}</summary>",
        f'<table class="answers" id="claims-{question["id"]}">',
        f"<caption>{ask} What stored experiments say</caption>",
        f"<thead><tr>{heads}</tr></thead><tbody>",
        *(row(line["claim"], one) for line, one in zip(question["lines"], found, strict=True)),
        "</tbody></table></details></section>",
    ]


def render(root):
    """Return the questions as HTML without an empty line, which would end it in Markdown."""
    questions = load(root)
    lines = ['<ul class="answers-list">']
    lines += [f'<li><a href="#answer-{q["id"]}">{escape(q["ask"])}</a></li>' for q in questions]
    return "\n".join([*lines, "</ul>", *(line for one in questions for line in section(one))])


def fill(app, docname, source):
    """Put the questions where the page has room for them."""
    if docname == PAGE:
        source[0] = source[0].replace(ROOM, render(app.srcdir))


def setup(app):
    """Connect the hooks."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
