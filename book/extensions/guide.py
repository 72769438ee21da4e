"""Decide by the rules of interactive/guide.yml, and render them as the page of the guide.

Without JavaScript the page is the table of all rules, each with what stored results say for it and
against it; interactive/guide.js asks the questions and shows the rows that the choices lead to.
"""

from html import escape
from pathlib import Path

import yaml

from book.extensions import answers
from book.extensions.page_data import data_script
from book.scripts import ledger_page

PAGE = "interactive/guide"
ROOM = '<div class="guide-rules"></div>'
#: On which side of a rule a verdict on a claim in its favour stands, and one on a rival's claim.
SIDES = {"supported": "for", "contradicted": "against", "undecided": "open", "equivalent": "open"}
RIVALS = {"supported": "against", "contradicted": "for", "undecided": "open", "equivalent": "for"}
SUMMARIES = {
    "first": "Where to start: the first of these that applies is the recommendation",
    "also": "What to consider beside it: each of these that applies; "
    "beside advice to drop nothing, only what drops nothing",
    "left out": "Left out, because a stored result that it would rest on does not speak for it",
}


def load(root):
    """Questions, rules and clashes of the guide."""
    return yaml.safe_load((Path(root) / "interactive" / "guide.yml").read_text(encoding="utf-8"))


def applies(rule, chosen):
    """Whether a rule applies; a question without an answer meets no condition and no exception."""
    met = all(chosen.get(name) in choices for name, choices in rule.get("when", {}).items())
    barred = any(chosen.get(name) in choices for name, choices in rule.get("unless", {}).items())
    return met and not barred


def first_of(rules, chosen):
    """Return the rule that is recommended first."""
    return next(rule for rule in rules if rule["role"] != "also" and applies(rule, chosen))


def decide(guide, chosen):
    """Return the answer to some choices.

    Parameters
    ----------
    guide : dict
        Its ``rules`` are those that stand, as `standing` gives them.
    chosen : dict
        The choice of each question that is answered.

    Returns
    -------
    dict
        Names of the ``first`` rule, of those to consider ``also``, of the ``clashes`` among the
        choices, and the ``open`` questions whose answer may change the first.
    """
    rules, questions = guide["rules"], guide["questions"]
    first = first_of(rules, chosen)
    also = [
        rule["id"]
        for rule in rules
        if rule["role"] != "first" and rule is not first and applies(rule, chosen)
        # Nothing that drops beside the advice to drop nothing.
        if first.get("drops", True) or not rule.get("drops", True)
    ]
    changing = [
        name
        for name in questions
        if name not in chosen
        and any(
            first_of(rules, {**chosen, name: choice}) is not first
            for choice in questions[name]["options"]
        )
    ]
    clashes = [clash["id"] for clash in guide["clashes"] if applies(clash, chosen)]
    return {"first": first["id"], "also": also, "clashes": clashes, "open": changing}


def claims(rule, lines, judge=answers.verdict):
    """Yield (side, rests, claim, verdict) for each stored comparison that a rule names.

    Parameters
    ----------
    rule : dict
    lines : dict
        Lines of the answers by `answers.key`.
    judge : callable
        Gives the verdict on a line.
    """
    for part in ("rests", "seen"):
        for name in rule.get(part, ()):
            key = name.removeprefix("not ")
            found, rival = judge(lines[key]), key != name
            claim = f"Rival: {lines[key]['claim']}" if rival else lines[key]["claim"]
            yield (RIVALS if rival else SIDES)[found.word], part == "rests", claim, found


def standing(rules, lines, judge=answers.verdict):
    """Part the rules into those that all they rest on speaks for, and the others."""
    kept, left_out = [], []
    for rule in rules:
        fails = any(rests and side != "for" for side, rests, *_ in claims(rule, lines, judge))
        (left_out if fails else kept).append(rule)
    return kept, left_out


def lines_of(root):
    """Lines of the answers by their keys."""
    found = [line for question in answers.load(root) for line in question["lines"]]
    return {answers.key(line): line for line in found}


# ---- The page -----------------------------------------------------------------------------------


def condition(rule, questions):
    """Say in HTML when a rule applies."""

    def named(choices):
        return [
            " or ".join(questions[name]["options"][choice] for choice in listed)
            for name, listed in choices.items()
        ]

    given = "; ".join(named(rule.get("when", {}))) or "anything else, or nothing said"
    barred = escape(" or ".join(named(rule.get("unless", {}))))
    return escape(given) + (f'<span class="unless">, but not {barred}</span>' if barred else "")


def ledger_links(labels, rows):
    """Return links to rows of the ledger, by their titles."""
    return "; ".join(
        f'<a href="../backmatter/ledger.html#ledger-{label}">{escape(rows[label].title)}</a>'
        for label in labels
    )


def source_links(sources):
    """Return links to entries of the bibliography."""
    return ", ".join(
        f'<a href="../backmatter/bibliography.html#cite-{key}">{escape(words)}</a>'
        for key, words in sources.items()
    )


def cell(kind, *paragraphs):
    """Return a row that spans the table, of the paragraphs that say something."""
    said = "".join(f"<p>{text}</p>" for text in paragraphs if text)
    return f'<tr class="advice {kind}"><td colspan="4">{said}</td></tr>'


def body(rule, guide, questions, rows, lines):
    """Return one rule as a group of rows: condition, advice, and what speaks for and against it."""
    asked = questions.get(rule.get("answer"))
    line = rule.get("code") or (asked or {}).get("code")
    what = [f"<strong>{escape(rule['variant'])}</strong>"]
    what[0] += f", <var>p</var> = {escape(rule['p'])}" if "p" in rule else ""
    what += [f"Where: {escape(rule['where'])}."]
    what += [answers.code(line)] if line else []
    rests = f"Verified here: {ledger_links(rule['evidence'], rows)}."
    sources = f"Source: {source_links(rule['sources'])}." if "sources" in rule else ""
    link = ""
    if asked:
        link = (
            f'All results: <a href="answers.html#claims-{asked["id"]}">{escape(asked["ask"])}</a>'
        )
    but = f"<em>But:</em> {escape(rule['dissent'])}"
    if "evidence_against" in rule:
        but += f" See {ledger_links(rule['evidence_against'], rows)}."
    if "against" in rule:
        but += f" Source: {source_links(rule['against'])}."
    sides = {"for": [], "open": [], "against": []}
    for side, _, claim, found in claims(rule, lines):
        shown = answers.row(claim, found)
        sides[side].append(shown.replace("<tr>", f'<tr class="{side}">', 1))
    return [
        f'<tbody id="guide-{rule["id"]}">',
        '<tr class="question"><th scope="rowgroup" colspan="4">'
        f"{condition(rule, guide['questions'])}</th></tr>",
        cell("what", *what),
        cell("why", escape(rule["because"]), f"{rests} {sources}", link),
        *sides["for"],
        cell("but", but),
        *sides["against"],
        *sides["open"],
        "</tbody>",
    ]


def render(root):
    """Return rules and data as HTML without an empty line, which would end it in Markdown."""
    guide, rows, lines = load(root), ledger_page.rows(root), lines_of(root)
    questions = {question["id"]: question for question in answers.load(root)}
    kept, left_out = standing(guide["rules"], lines)
    parts = {
        "first": [rule for rule in kept if rule["role"] != "also"],
        "also": [rule for rule in kept if rule["role"] == "also"],
        "left out": left_out,
    }
    html = []
    for part, rules in parts.items():
        if rules:
            name = part.replace(" ", "-")
            says = f"{SUMMARIES[part]} ({len(rules)} {'rule' if len(rules) == 1 else 'rules'})"
            html += [f'<details class="rules"><summary id="rules-{name}">{says}</summary>']
            html += [f'<table class="answers guide {name}" aria-labelledby="rules-{name}">']
            html += [row for rule in rules for row in body(rule, guide, questions, rows, lines)]
            html += ["</table></details>"]
    html += ["<p>Choices that cannot all be had:</p>", "<ul>"]
    for clash in guide["clashes"]:
        html += [
            f'<li id="guide-{clash["id"]}"><strong>'
            f"{condition(clash, guide['questions'])}:</strong> "
            f"{escape(clash['says'])} See {ledger_links(clash['evidence'], rows)}.</li>"
        ]
    data = {
        "questions": guide["questions"],
        "rules": [
            {part: rule[part] for part in ("id", "role", "drops", "when", "unless") if part in rule}
            for rule in kept
        ],
        "clashes": [{"id": clash["id"], "when": clash["when"]} for clash in guide["clashes"]],
    }
    return "\n".join([*html, "</ul>", data_script("guide-data", data)])


def fill(app, docname, source):
    """Put the rules where the page has room for them."""
    if docname == PAGE:
        source[0] = source[0].replace(ROOM, render(app.srcdir))


def setup(app):
    """Connect the hook."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
