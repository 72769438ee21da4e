"""Render the decision guide from interactive/guide.yml, with links to the ledger as it is now.

Without JavaScript the page is a table of all answers; interactive/guide.js makes a form of it.
"""

import json
import re
from pathlib import Path

import yaml

from book.scripts import ledger_page

PAGE = "interactive/guide"
ROOM = '<div class="guide-answers"></div>'


def load(root):
    """Questions and answers of the guide."""
    return yaml.safe_load((Path(root) / "interactive" / "guide.yml").read_text(encoding="utf-8"))


def labels(answer):
    """Labels of all statements that an answer names, for and against it."""
    return [*answer["evidence"], *answer.get("against", [])]


def supported(guide, known):
    """Answers that rest on at least one statement of the ledger."""
    return [answer for answer in guide["answers"] if set(answer["evidence"]) & set(known)]


def missing(guide, known):
    """Labels that the guide waits for, in its order."""
    return [
        label
        for label in dict.fromkeys(label for answer in guide["answers"] for label in labels(answer))
        if label not in known
    ]


def bibliography(root):
    """Keys of references.bib."""
    text = (Path(root) / "references.bib").read_text(encoding="utf-8")
    return set(re.findall(r"^@\w+\{([\w-]+),", text, re.MULTILINE))


def condition(answer, questions):
    """Say in words when an answer applies, one line for each question that it depends on."""
    return [
        " or ".join(questions[question]["options"][choice] for choice in choices)
        for question, choices in answer["when"].items()
    ]


def render(root):
    """Return the table of answers, and the data of the form, as MyST Markdown."""
    guide, rows, keys = load(root), ledger_page.rows(root), bibliography(root)

    def links(names):
        return [f"[{rows[name].title}](#ledger-{name})" for name in names if name in rows]

    lines = [":::{list-table}", ":class: guide", ":header-rows: 1", ":widths: 24 34 42", ""]
    lines += ["* - You have", "  - Then", "  - Because, and against it"]
    answers = supported(guide, rows)
    for answer in answers:
        lines += [f"* - []{{#guide-{answer['id']}}}"]
        lines += [f"    * {line}" for line in condition(answer, guide["questions"])]
        lines += [f"  - **{answer['variant']}**", "", f"    {answer['where']}", ""]
        lines += [f"    $p$: {answer['p']}"]
        cited = [
            f"{{cite:t}}`{key}`" if key in keys else words
            for key, words in answer.get("sources", {}).items()
        ]
        lines += [f"  - {answer['because']}", ""]
        lines += [f"    Verified here: {'; '.join(links(answer['evidence']))}."]
        lines += [f"    Source: {', '.join(cited)}."] if cited else []
        lines += ["", f"    *But:* {answer['dissent']}"]
        against = links(answer.get("against", []))
        lines += [f"    See {'; '.join(against)}."] if against else []
    data = {
        "questions": guide["questions"],
        "answers": {answer["id"]: answer["when"] for answer in answers},
    }
    script = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    lines += [":::", "", f'<script type="application/json" class="guide-data">{script}</script>']
    return "\n".join(lines)


def fill(app, docname, source):
    """Put the answers where the page has room for them."""
    if docname == PAGE:
        source[0] = source[0].replace(ROOM, render(app.srcdir))


def setup(app):
    """Connect the hook."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
