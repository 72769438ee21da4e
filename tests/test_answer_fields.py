"""The answer fields in a browser: judged there as `book.exercises` judges in Python."""

import json
import re
from fractions import Fraction

import forms
import judged
import numpy as np
import pages
import pytest
import test_exercises

import dropcheck
from book import exercises
from book.exercises.fields import FIELDS, GENERAL, Choice, Formula, Numbers, exported
from book.scripts.build_book import ROOT

browser = pages.browser
pytestmark = pytest.mark.browser
HTML = ROOT / "_build" / "html"
CHAPTER = (HTML / "chapters" / "formulation.html").as_uri()
CHAPTERS = sorted(path.name for path in (HTML / "chapters").glob("*.html"))
ASKED = [(label, number) for label in FIELDS for number in range(len(FIELDS[label]))]
FORMULAS = [one for one in ASKED if isinstance(FIELDS[one[0]][one[1]], Formula)]
NUMBERS = [one for one in ASKED if isinstance(FIELDS[one[0]][one[1]], Numbers)]
BUDGET = 60_000  # bytes that a page may weigh more than without fields, questions and progress
# A small generator of 32 bits, mulberry32, in the place of the browser's: a failure comes again.
SEEDED = """seed => {
  crypto.getRandomValues = (words) => words.map(() => {
    seed = (seed + 0x6d2b79f5) | 0;
    let word = Math.imul(seed ^ (seed >>> 15), seed | 1);
    word = (word + Math.imul(word ^ (word >>> 7), word | 61)) ^ word;
    return word ^ (word >>> 14);
  });
}"""
JUDGE = "([field, answer, general]) => bookJudge.judge(field, answer, general)"


@pytest.fixture(scope="module")
def field_page(browser):
    """A page from disk, without network, in which a field has been used."""
    with pages.watched(browser, "file://") as (page, faults):
        page.goto(CHAPTER)
        page.locator(".answer-field input").first.focus()
        page.wait_for_function("() => window.bookJudge")
        yield page
        assert faults == []


@pytest.fixture
def engine(field_page, seed):
    """The page, with its random numbers from a seed of this test's own."""
    field_page.evaluate(SEEDED, seed)
    return field_page


def judge(page, label, number, answer):
    return page.evaluate(JUDGE, [exported(label)[number], answer, GENERAL])


def in_python(page, label, number, text):
    """A form of a formula as a function of its letters."""
    expression = page.evaluate(
        f"([field, text]) => ({forms.EXPLICIT})(field, text)", [exported(label)[number], text]
    )
    return lambda **letters: forms.evaluate(expression, letters)


def in_numbers(page, texts):
    """What is typed into a field of numbers, exactly."""
    spoken = [page.evaluate(f"text => ({forms.EXPLICIT})({{}}, text)", text) for text in texts]
    return [forms.evaluate(text, {}) for text in spoken]


def in_the_reference_s_language(text):
    """Whether a wrong form is an average itself, which no reader types."""
    return any(text.startswith(f"{name}(") for name in ("E", "U", "G", "Var"))


def passes(label, answer):
    """What the judge in Python says; a root where it computes exactly is no right answer."""
    try:
        return bool(exercises.check(label, answer))
    except TypeError as error:
        if "exact arithmetic takes" not in str(error):
            raise
        return False


# ---- The right forms, and the wrong ones --------------------------------------------------------


@pytest.mark.parametrize(("label", "number"), FORMULAS + NUMBERS)
def test_right_answers_are_accepted_in_three_forms(engine, label, number):
    for answer in FIELDS[label][number].right:
        found = judge(engine, label, number, answer)
        assert found["right"], (answer, found["says"])
        assert found.get("bound") is None or found["bound"] < 1e-9


@pytest.mark.parametrize(("label", "number"), FORMULAS + NUMBERS)
def test_wrong_forms_are_rejected_with_their_own_message(engine, label, number):
    for answer, says in FIELDS[label][number].wrong.items():
        if isinstance(answer, str) and in_the_reference_s_language(answer):
            continue
        found = judge(engine, label, number, answer)
        assert not found["right"]
        assert found["says"] == says, answer


@pytest.mark.parametrize("label", sorted({label for label, _ in FORMULAS}))
def test_python_judges_formulas_alike(engine, label):
    numbers = [number for name, number in FORMULAS if name == label]
    asked = [FIELDS[label][number] for number in numbers]

    def answer(texts):
        make = judged.FORMULAS[label]
        found = [in_python(engine, label, n, text) for n, text in zip(numbers, texts, strict=True)]
        return make(*found)

    if judged.FORMULAS[label] is None:
        pytest.skip("compared below")
    for texts in zip(*(field.right for field in asked), strict=False):
        assert exercises.check(label, answer(texts)), texts
    best = [field.right[0] for field in asked]
    for place, field in enumerate(asked):
        for form in field.wrong:
            if not in_the_reference_s_language(form):
                texts = [*best[:place], form, *best[place + 1 :]]
                assert not passes(label, answer(texts)), texts


def test_poisson_with_two_inputs_is_the_average_over_masks(engine):
    field = FIELDS["ex-noise-poisson"][0]
    z, p = np.array([0.4, 0.7]), 0.3
    exact = dropcheck.expectation(lambda m: np.exp(m @ z / (1 - p)) - np.exp(z.sum()), 2, p)[0]
    for group, right in ((field.right, True), (field.wrong, False)):
        for text in group:
            value = in_python(engine, "ex-noise-poisson", 0, text)(z1=z[0], z2=z[1], p=p)
            assert bool(abs(value - exact) <= 1e-7 * abs(exact)) is right, text


@pytest.mark.parametrize(("label", "number"), NUMBERS)
def test_python_judges_numbers_alike(engine, label, number):
    field = FIELDS[label][number]
    if judged.of_numbers(label, in_numbers(engine, field.right[0])) is None:
        pytest.skip("no judge of these numbers; compared below or judged here alone")
    for group, right in ((field.right, True), (field.wrong, False)):
        for texts in group:
            answer = judged.of_numbers(label, in_numbers(engine, texts))
            assert bool(exercises.check(label, answer)) is right, texts


def test_counts_of_masks_are_those_that_python_finds():
    rates = (Fraction(1, 2), Fraction(1, 5), Fraction(1, 20))
    counts = [test_exercises.typical(20, p) for p in rates]
    assert FIELDS["ex-ensemble-typical"][0].values == tuple(str(count) for count in counts)


def test_numbers_without_a_judge_follow_from_what_has_one(engine):
    rollout, workers = (
        in_python(engine, label, 0, FIELDS[label][0].right[0])
        for label in ("ex-systems-rollout", "ex-systems-workers")
    )
    kept, dropped, tenth = Fraction(3, 10), Fraction(7, 10), Fraction(1, 10)
    # Without dropout training is evaluation, so that k is e; elsewhere it is another number.
    (where,) = FIELDS["ex-systems-rollout"][1].values
    assert rollout(k=kept, d=dropped, e=kept, p=Fraction(where)) == 0
    for p in (Fraction(1, 2), Fraction(1)):
        assert rollout(k=kept, d=dropped, e=kept + tenth, p=p) > 0
    share = Fraction(1, 20)
    (least,) = FIELDS["ex-systems-workers"][1].values
    assert int(least) == 1 / share
    assert workers(N=int(least) - 1, r=share) == 361
    with pytest.raises(ZeroDivisionError):
        workers(N=int(least), r=share)
    (factor,) = FIELDS["ex-implementation-half"][0].values
    assert int(factor) == 1 / (1 - Fraction("0.99999")) > float(np.finfo(np.float16).max)


def test_choices_are_judged_as_in_python(engine):
    for label, number in ASKED:
        field = FIELDS[label][number]
        if not isinstance(field, Choice):
            continue
        assert judge(engine, label, number, list(field.right))["right"]
        for option, says in field.wrong.items():
            found = judge(engine, label, number, [option])
            assert not found["right"]
            assert found["says"] == says
        assert not judge(engine, label, number, [])["right"]
    several = FIELDS["ex-bayesian-activations"][0]
    assert exercises.check("ex-bayesian-activations", set(several.right))
    assert not judge(engine, "ex-bayesian-activations", 0, list(several.right[1:]))["right"]
    for option in FIELDS["ex-implementation-double"][0].right:
        assert exercises.check("ex-implementation-double", judged.OPTIONS[option])
    for option in FIELDS["ex-implementation-double"][0].wrong:
        assert not exercises.check("ex-implementation-double", judged.OPTIONS[option])


@pytest.mark.parametrize("label", ["ex-formulation-recipe", "ex-bayesian-passes"])
def test_numbers_have_the_tolerance_of_the_judge(engine, label):
    """A little off and far off: both judges draw the line at one place."""
    start = [float(value) for value in in_numbers(engine, FIELDS[label][0].right[0])]
    for shift in (0, 1e-7, 1e-5, 1e-3, 0.02, 0.04, 0.1, 0.5):
        values = [start[0] * (1 + shift), *start[1:]]
        ours = judge(engine, label, 0, [repr(value) for value in values])["right"]
        exact = bool(exercises.check(label, judged.of_numbers(label, values)))
        if label == "ex-formulation-recipe" and shift == 1e-7:
            continue  # the judge trains with what was given, exactly
        assert ours is exact, shift


# ---- Formulas at random --------------------------------------------------------------------------


def grown(generator, letters, depth):
    """A random formula in some letters."""
    if depth == 0 or generator.random() < 0.2:
        return str(generator.choice([*letters, "1", "2", "3"]))
    one, other = (grown(generator, letters, depth - 1) for _ in range(2))
    sign = generator.choice(["+", "-", "*", "/"])
    return f"({one} {sign} {other})" if generator.random() < 0.8 else f"({one})^2"


def scalars(field):
    """Letters of a formula, if all are single numbers."""
    kinds = field.letters.values()
    if any(isinstance(kind, int) or (isinstance(kind, str) and "x" in kind) for kind in kinds):
        return None
    return [*field.letters, *(["q"] if "p" in field.letters else [])]


def value_at(form, field, generator):
    """A form's value at a point in the letters' range; None where it has none."""
    given = {
        name: int(generator.choice(kind))
        if isinstance(kind, tuple)
        else generator.uniform(0.1, 0.6)
        for name, kind in field.letters.items()
    }
    if "b" in given and "w" in given:  # the conditions of that exercise
        given["b"] = -0.5 * given["w"] * given["x"]
    return given, form


def test_200_random_wrong_formulas_are_rejected(engine, rng):
    fields = [one for one in FORMULAS if scalars(FIELDS[one[0]][one[1]])]
    tried = 0
    while tried < 200:
        label, number = fields[tried % len(fields)]
        field = FIELDS[label][number]
        text = grown(rng, scalars(field), 3)
        wrong, right = (in_python(engine, label, number, one) for one in (text, field.right[0]))
        differs = False
        for _ in range(5):
            given, _form = value_at(wrong, field, rng)
            try:
                differs |= abs(float(wrong(**given)) - float(right(**given))) > 1e-6
            except ZeroDivisionError:
                differs = True
        if not differs:
            continue
        found = judge(engine, label, number, text)
        assert not found["right"], (label, text)
        tried += 1


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "Write a formula first"),
        ("p +", "cannot be read"),
        ("r/q", "no letter “r”"),
        ("import(p)", "no function “import”"),
        ("evaluate(p)", "no function “evaluate”"),
        ("p/q p", "two ways"),
        ("p = 2", "one formula"),
        ("1/(p + q - 1)", ""),
    ],
)
def test_what_is_no_answer_is_told_so(engine, text, part):
    found = judge(engine, "ex-formulation-skewness", 0, text)
    assert not found["right"]
    assert part in found["says"]


@pytest.mark.parametrize(
    "text",
    [
        "p·(2p−1)÷q²",
        "p*(2*p-1)/(1-p)**2",
        "p(2p-1)/(1-p)^2",
        "pp^2/q^2 - p",
        "p^3 q^-2 - p",
        "p q (p - q)/q^3",
        "p q(p - q) q^-3",
        "p p^2 q^-2 - p",
    ],
)
def test_spellings_of_people_are_read(engine, text):
    assert judge(engine, "ex-formulation-skewness", 0, text)["right"]


@pytest.mark.parametrize(
    ("label", "text", "says"),
    [
        ("ex-formulation-relu-gap", "-p*b/q", "there is one factor 1/q too many"),
        ("ex-formulation-relu-gap", "-p*q*b", "a factor 1/q is missing"),
        ("ex-variants-depth", "L*(1 + q)", "it is twice too large"),
        ("ex-practice-relu", "p*(pi - 1)/(pi/q - 1)", "there is one factor p too many"),
    ],
)
def test_factors_that_are_often_lost_are_named_for_every_formula(engine, label, text, says):
    assert judge(engine, label, 0, text)["says"] == f"Not equal: {says}."


def test_a_formula_that_is_almost_right_is_shown_where_it_fails(engine):
    found = judge(engine, "ex-formulation-skewness", 0, "p*(2*p - 1)/q^2 + (p - 1/3)/1000000")
    assert "At p = 1/2" in found["says"]
    found = judge(engine, "ex-formulation-skewness", 0, "p*(2*p - 1)/q^2 + p")
    assert "At p = 1/3 yours is 1/12, and it should be -1/4." in found["says"]
    found = judge(engine, "ex-formulation-covariance", 0, "p/q*W*diag(x^2)")
    assert "another shape" in found["says"]


# ---- The page ------------------------------------------------------------------------------------


def test_an_answer_is_given_by_keyboard_alone(browser):
    with pages.watched(browser, "file://") as (page, faults):
        page.goto(CHAPTER)
        field = page.locator("[data-answer=ex-formulation-skewness]")
        page.get_by_label("The third central moment of m/q, in p and q").focus()
        page.keyboard.type("p(1-2p)/q^2")
        page.keyboard.press("Enter")
        verdict = field.get_by_role("status")
        page.wait_for_function("e => e.dataset.verdict", arg=verdict.element_handle())
        assert verdict.get_attribute("aria-live") == "polite"
        assert "sign is turned round" in verdict.inner_text()
        page.keyboard.press("Control+a")
        page.keyboard.type("p(2p-1)/q^2")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Check"
        page.keyboard.press("Enter")
        page.wait_for_function("e => e.dataset.verdict === 'right'", arg=verdict.element_handle())
        assert "false pass ≤" in verdict.inner_text()
        field.locator(".answer-preview mjx-container").wait_for()
        assert page.evaluate("bookProgress.all()") == {"ex-formulation-skewness": True}
        assert faults == []


def test_every_input_has_a_name(browser):
    for chapter in CHAPTERS:
        with pages.watched(browser, "file://") as (page, faults):
            page.goto((HTML / "chapters" / chapter).as_uri())
            nameless = page.evaluate(
                """() => [...document.querySelectorAll(".answer-field input")]
                  .filter((e) => !e.labels.length || !e.labels[0].textContent.trim()).length"""
            )
            assert nameless == 0
            assert faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_fields_fit_a_phone_and_can_be_read(browser, theme):
    with pages.watched(browser, "file://") as (page, faults):
        page.set_viewport_size(pages.PHONE)
        page.goto(CHAPTER)
        page.evaluate(pages.CHECKS)
        field = page.locator("[data-answer=ex-formulation-covariance]")
        field.locator("input").fill("p/q*W*diag(x^2)*W' + 1/7")
        field.get_by_role("button", name="Check").click()
        page.wait_for_function(
            "() => document.querySelector('[data-answer=ex-formulation-covariance] .verdict')"
            ".textContent.includes('yours is')"
        )
        page.evaluate("checks.content()")  # sets all formulas
        assert page.evaluate("checks.width()") == []
        assert page.evaluate("theme => checks.contrast(theme)", theme) == []
        # The signs that a phone's keyboard hides are buttons.
        field.get_by_role("button", name="^", exact=True).click()
        assert field.locator("input").input_value().endswith("^")
        assert faults == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_page_that_is_only_read_loads_no_engine_and_weighs_little_more(browser, chapter):
    with pages.watched(browser, "file://") as (page, faults):
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((HTML / "chapters" / chapter).as_uri())
        page.wait_for_load_state("networkidle")
        assert not [url for url in asked if re.search("interactive/(vendor|reading|judge)", url)]
        added = [
            HTML / "_static/interactive" / name
            for name in ("fields.js", "progress.js", "fields.css")
        ]
        added.append(HTML / "_static/interactive/guess.js")
        markup = page.evaluate(
            """() => [...document.querySelectorAll(
              "script.answer-fields, .answer-field, [id^=guess-], [id^=quiz-]")]
              .reduce((sum, e) => sum + new Blob([e.outerHTML]).size, 0)"""
        )
        assert markup + sum(path.stat().st_size for path in added) <= BUDGET
        assert faults == []


# ---- Questions and progress ----------------------------------------------------------------------


def test_a_question_is_answered_and_remembered_by_its_first_choice(browser):
    with pages.watched(browser, "file://") as (page, faults):
        page.goto(CHAPTER)
        box = page.locator("#quiz-formulation-2")
        box.get_by_role("button", name="0.64").click()
        assert box.locator("details[open]").count() == 1
        box.locator("button", has_text=re.compile("^1$")).click()
        assert page.evaluate("bookProgress.all()") == {"quiz-formulation-2": False}
        page.locator("#quiz-formulation-3").get_by_role("button").first.click()
        assert len(page.evaluate("bookProgress.all()")) == 2
        assert faults == []


def test_what_is_guessed_of_a_mistake_is_noted_under_its_card(browser):
    with pages.watched(browser, "file://") as (page, faults):
        page.goto((HTML / "chapters" / "mistakes.html").as_uri())
        card = page.locator("section.mistake").first
        card.locator("li button").first.click()
        assert [*page.evaluate("bookProgress.all()")] == [card.get_attribute("id")]
        assert faults == []


def test_progress_is_shown_exported_and_erased(browser, tmp_path):
    with pages.watched(browser, "file://") as (page, faults):
        page.goto(CHAPTER)
        page.evaluate("bookProgress.note('ex-formulation-skewness', true)")
        page.evaluate("bookProgress.note('quiz-formulation-1', true, true)")
        page.goto((HTML / "index.html").as_uri())
        row = page.locator(".reader-progress tr", has_text="Formulation")
        counts = [text.split(" of ")[0] for text in row.locator("td").all_inner_texts()]
        assert counts == ["1", "1"]
        with page.expect_download() as download:
            page.get_by_role("button", name="Export").click()
        saved = json.loads(download.value.path().read_text(encoding="utf-8"))
        assert saved == {"ex-formulation-skewness": True, "quiz-formulation-1": True}
        page.get_by_role("button", name="Erase").click()
        assert row.locator("td").first.inner_text().startswith("0 of ")
        assert page.evaluate("bookProgress.all()") == {}
        assert faults == []


def test_where_storing_is_forbidden_the_page_works_and_says_so(browser):
    with pages.watched(browser, "file://") as (page, faults):
        page.add_init_script(
            "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } });"
            # The theme reads it as well, and is not what is tried here.
        )
        page.goto((HTML / "index.html").as_uri())
        assert "until you close it" in page.locator(".reader-progress").inner_text()
        page.evaluate("bookProgress.note('ex-a', true)")
        assert page.evaluate("bookProgress.all()") == {"ex-a": True}
        assert [fault for fault in faults if "progress" in fault] == []
