"""Put questions into the chapters: some to guess at before a figure, and a quiz of five at the end.

They stand in interactive/questions, a file a chapter, and each names the statement that it rests
on and, where a choice is a wrong form that a test rejects, that form. They are boxes as the
manuscripts have them, so that interactive/guess.js makes buttons of the choices, and a page without
JavaScript still has question and answer.
"""

import hashlib
import json
import re
from pathlib import Path

import yaml

FOLDER = Path("interactive") / "questions"
QUIZ = "(quiz-{chapter})=\n## Five questions\n\nChoose first; the answer opens with the choice.\n"
LAST = re.compile(r"^## (?:Sources|Where to go on)$", re.MULTILINE)
STATEMENT = re.compile(r"^:{3,}\{prf:\w+\}[^\n]*\n(?=:label: (\S+)$)", re.MULTILINE)


def load(root):
    """Questions of all chapters: chapter -> {"predictions": [...], "quiz": [...]}."""
    return {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((Path(root) / FOLDER).glob("*.yml"))
    }


def choices(question):
    """All choices, in an order that does not tell which is right."""
    texts = [question["right"], *question["wrong"]]
    return sorted(texts, key=lambda text: hashlib.sha256(text.encode()).hexdigest())


def box(question, name, title):
    """A question as a box in MyST Markdown."""
    listed = [
        f"- [{text}]{{.right}}" if text == question["right"] else f"- {text}"
        for text in choices(question)
    ]
    lines = [f"::::{{admonition}} {title}", ":class: guess", f":name: {name}", ""]
    lines += [question["ask"], "", *listed, "", ":::{dropdown} Answer"]
    lines += [question["because"], "", f"[What it rests on](#ledger-{question['rests']})"]
    return "\n".join([*lines, ":::", "::::", ""])


def cell(name, text):
    """A cell of Markdown, as a notebook stores it."""
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def source_of(found):
    """Text of a cell, which may be stored in lines."""
    return "".join(found["source"])


def position(text, where):
    """Where in a cell's text the statement or the figure begins; None if it is not in it."""
    for match in STATEMENT.finditer(text):
        if match[1] == where:
            return match.start()
    figure = re.search(rf'^<div class="interactive" data-figure="{where}"', text, re.MULTILINE)
    return figure.start() if figure else None


def draws(found, where):
    """Whether a cell of code draws the figure of this name."""
    figure = found["metadata"].get("mystnb", {}).get("figure", {})
    return found["cell_type"] == "code" and figure.get("name") == where


def place(cells, where, name, text):
    """Put a box before a figure or a statement; whether there was such a place."""
    for number, found in enumerate(cells):
        if draws(found, where):
            cells.insert(number, cell(name, text))
            return True
        if found["cell_type"] == "markdown":
            at = position(source_of(found), where)
            if at is not None:
                whole = source_of(found)
                found["source"] = f"{whole[:at]}{text}\n{whole[at:]}"
                return True
    return False


def quiz(cells, chapter, boxes):
    """Put the quiz before what closes a chapter, or else at the end."""
    text = "\n".join([QUIZ.format(chapter=chapter), *boxes])
    for found in reversed(cells):
        match = LAST.search(source_of(found)) if found["cell_type"] == "markdown" else None
        if match:
            whole = source_of(found)
            found["source"] = f"{whole[: match.start()]}{text}\n{whole[match.start() :]}"
            return
    cells.append(cell(f"quiz-{chapter}", text))


def name_of(chapter, kind, number):
    """Anchor of a question, under which a browser also remembers it."""
    return f"{kind}-{chapter}-{number}"


def fill(app, docname, source):
    """Put the questions of a chapter into its notebook as it is read."""
    chapter = docname.removeprefix("chapters/")
    path = Path(app.srcdir) / FOLDER / f"{chapter}.yml"
    if chapter == docname or not path.exists():
        return
    asked = yaml.safe_load(path.read_text(encoding="utf-8"))
    notebook = json.loads(source[0])
    for number, question in enumerate(asked["predictions"], 1):
        name = name_of(chapter, "guess", number)
        text = box(question, name, "Guess first")
        if not place(notebook["cells"], question["at"], name, text):
            raise ValueError(f"{path.name}: no figure or statement {question['at']!r}")
    boxes = [
        box(question, name_of(chapter, "quiz", number), f"Question {number}")
        for number, question in enumerate(asked["quiz"], 1)
    ]
    quiz(notebook["cells"], chapter, boxes)
    source[0] = json.dumps(notebook)


def setup(app):
    """Connect the hook."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
