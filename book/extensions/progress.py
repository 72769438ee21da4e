"""Let pages remember what was answered, and the first page show it."""

import re
from pathlib import Path

from book.exercises.fields import FIELDS
from book.extensions import questions
from book.extensions.page_data import data_script
from book.scripts import single_page

FOLDER = "interactive"
EXERCISE = re.compile(r"^:label: (ex-[a-z-]+)$", re.MULTILINE)
CARD = re.compile(r"^\((mistake-[a-z0-9-]+)\)=$", re.MULTILINE)
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
REMEMBERS = ('class="answer-fields"', 'class="guess admonition')


def keys(label):
    """Names under which the fields of an exercise are remembered; code is judged elsewhere."""
    names = [
        label if number == 0 else f"{label}-{number + 1}" for number in range(len(FIELDS[label]))
    ]
    return [name for name, field in zip(names, FIELDS[label], strict=True) if field.kind != "code"]


def boxes(chapter, asked):
    """Names of the questions that `book.extensions.questions` puts into a chapter."""
    return [
        questions.name_of(chapter, kind, number)
        for kind, group in (("guess", "predictions"), ("quiz", "quiz"))
        for number in range(1, len(asked.get(group, ())) + 1)
    ]


def chapters(root):
    """What there is to answer in each chapter, in the order of the contents."""
    asked = questions.load(root)
    pages = [page for _, pages in single_page.contents(root) for page in pages]
    found = []
    for page in pages:
        name = page.removeprefix("chapters/")
        manuscript = Path(root) / "manuscript" / f"{name}.md"
        if name == page or not manuscript.exists():
            continue
        text = manuscript.read_text(encoding="utf-8")
        labels = [label for label in EXERCISE.findall(text) if label in FIELDS]
        names = [*CARD.findall(text), *boxes(name, asked.get(name, {}))]
        if labels or names:
            found.append(
                {
                    "title": TITLE.search(text)[1],
                    "href": f"{page}.html",
                    "exercises": [key for label in labels for key in keys(label)],
                    "questions": names,
                }
            )
    return found


def attach_progress(app, pagename, templatename, context, doctree):
    """Let pages with something to answer remember it, and the first page show it."""
    body = context.get("body") or ""
    shown = 'class="reader-progress"' in body
    if shown:
        context["body"] = body + data_script("progress-data", chapters(app.srcdir))
        app.add_css_file(f"{FOLDER}/fields.css")
    if shown or any(mark in body for mark in REMEMBERS):
        app.add_js_file(f"{FOLDER}/progress.js", priority=599)


def setup(app):
    """Connect the hook, behind that of the answer fields."""
    app.connect("html-page-context", attach_progress, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
