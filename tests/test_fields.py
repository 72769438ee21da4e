"""Answer fields and questions as data: they belong to exercises and statements that exist."""

import re

import numpy as np
import pytest

from book import exercises
from book.exercises.fields import FIELDS, Choice, Code, Formula, Numbers, exported
from book.extensions import fields, progress, questions
from book.scripts import ledger_page, vendor
from book.scripts.build_book import ROOT

MANUSCRIPTS = {path.stem: path.read_text("utf-8") for path in (ROOT / "manuscript").glob("*.md")}
LABELS = {
    label
    for text in MANUSCRIPTS.values()
    for label in re.findall(r"^```\{exercise\}.*\n:label: (\S+)$", text, re.MULTILINE)
}
ASKED = questions.load(ROOT)
EVERY = [
    (chapter, kind, question)
    for chapter, groups in ASKED.items()
    for kind, group in groups.items()
    for question in group
]
PLACE = re.compile(
    r"^(?:\s+name: (fig-\S+)|.*data-figure=\"([a-z-]+)\"|:label: (\S+))", re.MULTILINE
)


def test_every_exercise_has_a_field():
    chapters = {label.split("-")[1] for label in FIELDS}
    asked = {label for label in LABELS if label.split("-")[1] in chapters}
    assert asked == set(FIELDS)
    assert set(exercises.labels()) <= set(FIELDS)


def test_what_can_be_judged_is_asked_for_and_not_ticked_off():
    for label in exercises.labels():
        kinds = {type(field) for field in FIELDS[label]}
        assert kinds & {Formula, Numbers, Choice, Code}, label


@pytest.mark.parametrize("label", FIELDS)
def test_a_field_has_forms_of_both_kinds(label):
    for field in FIELDS[label]:
        if isinstance(field, Formula | Numbers):
            assert len(field.right) >= 3
            assert len(set(field.right)) == len(field.right)
            assert field.wrong
            assert len(set(field.wrong.values())) == len(field.wrong)
        if isinstance(field, Choice):
            assert set(field.right).isdisjoint(field.wrong)


def test_pages_do_not_get_the_right_forms_of_formulas():
    for label in FIELDS:
        for field, data in zip(FIELDS[label], exported(label), strict=True):
            assert ("right" in data) is isinstance(field, Choice)


def test_data_of_a_page_cannot_end_its_script():
    text = str(fields.data(FIELDS, "_static"))
    assert "</" not in text


# ---- Questions ---------------------------------------------------------------------------------


def test_every_chapter_asks_three_questions_and_closes_with_five():
    listed = {entry["href"].split("/")[1][:-5]: entry for entry in progress.chapters(ROOT)}
    chapters = [name for name in listed if name in ASKED]
    for name in chapters:
        cards = len(re.findall(r"^:class: guess$", MANUSCRIPTS[name], re.MULTILINE))
        assert len(ASKED[name]["predictions"]) + cards >= 3, name
        assert len(ASKED[name]["quiz"]) == 5, name
    numbered = {name for name in MANUSCRIPTS if f"ex-{name}-" in MANUSCRIPTS[name]}
    assert numbered <= set(chapters)


@pytest.mark.parametrize(("chapter", "kind", "question"), EVERY)
def test_a_question_rests_on_a_statement_and_its_wrong_forms(chapter, kind, question):
    rows = ledger_page.rows(ROOT)
    assert question["rests"] in rows
    assert len(question["wrong"]) >= 1
    assert question["right"] not in question["wrong"]
    for form in question["wrong"].values():
        assert not form or form in rows[question["rests"]].wrong
    if kind == "predictions":
        places = {name for match in PLACE.findall(MANUSCRIPTS[chapter]) for name in match}
        assert question["at"] in places


def test_some_wrong_choices_of_each_chapter_of_theory_are_rejected_wrong_forms():
    for chapter in ("formulation", "ensemble", "noise", "variants", "gradients", "bayesian"):
        forms = [form for q in ASKED[chapter]["quiz"] for form in q["wrong"].values() if form]
        assert len(forms) >= 5, chapter


def test_the_order_of_choices_does_not_tell_the_right_one():
    places = [
        questions.choices(question).index(question["right"]) / len(question["wrong"])
        for _, _, question in EVERY
    ]
    assert 0.3 < np.mean(places) < 0.7


def test_a_box_stands_before_its_figure_and_the_quiz_before_the_sources():
    figure = '<div class="interactive" data-figure="noise">'
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": f"Text\n\n{figure}</div>\n"},
        {"cell_type": "code", "metadata": {"mystnb": {"figure": {"name": "fig-x"}}}, "source": ""},
        {"cell_type": "markdown", "metadata": {}, "source": "## Sources\n"},
    ]
    assert questions.place(cells, "noise", "guess-a-1", "BOX")
    assert cells[0]["source"].startswith(f"Text\n\nBOX\n{figure}")
    assert questions.place(cells, "fig-x", "guess-a-2", "BOX")
    assert cells[1]["source"] == "BOX"
    assert not questions.place(cells, "fig-none", "guess-a-3", "BOX")
    questions.quiz(cells, "a", ["Q"])
    assert cells[-1]["source"].index("Q\n") < cells[-1]["source"].index("## Sources")


# ---- What is vendored --------------------------------------------------------------------------


def test_vendored_files_are_those_of_their_packages():
    assert vendor.changed() == []
    for name, package in vendor.packages().items():
        assert package["license"] in ("Apache-2.0", "MIT")
        assert any("LICENSE" in file for file in package["files"]), name


def test_another_file_or_archive_is_noticed(tmp_path):
    (tmp_path / "packages.json").write_text(
        '{"a": {"files": {"lib/a.js": "0"}, "integrity": "sha512-x"}}', encoding="utf-8"
    )
    assert vendor.changed(tmp_path) == ["a/a.js"]
    with pytest.raises(ValueError, match="the archive has the digest sha512-"):
        vendor.unpack(b"another", "sha512-x", ["lib/a.js"])
