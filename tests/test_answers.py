"""The page of answers: its verdicts follow by rule, its numbers from the stored results."""

import re
from types import SimpleNamespace

import numpy as np
import pages
import pytest
import yaml
from bs4 import BeautifulSoup

from book.experiments import advice, registration, results, statistics, verdicts
from book.extensions import answers
from book.scripts.build_book import ROOT

browser = pages.browser
QUESTIONS = answers.load(ROOT)
LINES = [line for question in QUESTIONS for line in question["lines"]]
PAGE = ROOT / "_build" / "html" / "interactive" / "answers.html"
# What each claim on an assertion of "Evidence" compares, taken from the results anew.
STATEMENTS = {
    "DropConnect: lower NLL than none": ("S2", "nll", "none", "dropconnect"),
    "hidden+input: lower NLL than none": ("R1", "nll", "none", "hidden+input"),
    "hidden: T = 100 equals scaling": ("R4", "error", "hidden", -1),
    "hidden+input: T = 100 equals scaling": ("R4", "error", "hidden+input", -1),
    "hidden: one pass worse than scaling": ("R4", "error", "hidden", 0),
    "at the end: none above k = 16": ("S5", "last", "none", "k=16"),
    "same NLL, Gaussian and Bernoulli": ("S1", "nll", "bernoulli", "gaussian"),
    "NLL falls": ("S3", "nll", "none", "stochastic depth"),
    "error unchanged within a point": ("S3", "error", "none", "stochastic depth"),
}


def gain(line):
    """What a claim says is positive, for each seed, by arithmetic on the stored records."""
    if "advice" in line:
        (row,) = (
            row
            for row in advice.ADVICE
            if row.label == line["advice"] and line["contrast"] in row.contrasts
        )
        contrast, found = row.contrasts[line["contrast"]], results.load(row.experiment)
        terms = [
            weight * found.values(arm, contrast.metric) for arm, weight in contrast.arms.items()
        ]
        return contrast.metric, np.sum(terms, axis=0)
    if "registered" in line:
        (contrast,) = (
            row
            for row in registration.contrasts(line["registered"])
            if (row.question, row.better[1]) == (line["question"], line["metric"])
        )
        found = results.load(line["registered"])
        pairs = [(contrast.worse[0], contrast.better[0]), *filter(None, [contrast.beyond])]
        gained, *beyond = (
            found.values(worse, contrast.worse[1]) - found.values(better, contrast.better[1])
            for worse, better in pairs
        )
        return contrast.measure, gained - sum(beyond)
    if "statement" in line:
        id, metric, first, second = STATEMENTS[line["says"]]
        found = results.load(id)
        if id == "R4":
            sampled = found.values(first, "sampled")[:, second]
            return metric, found.values(first, "scaled") - sampled
    else:
        id, metric, first, second = (
            line[part] for part in ("experiment", "metric", "worse", "better")
        )
        found = results.load(id)
    return metric, found.values(first, metric) - found.values(second, metric)


def overlap(line):
    """Of registered seeds that learn from rows of each other."""
    return registration.contrasts(line["registered"])[0].overlap if "registered" in line else 0.0


def parsed(html):
    return BeautifulSoup(html, "html.parser")


def claims(page):
    """Rows of the claims, in the order of the page."""
    return [row.parent for row in page.select('th[scope="row"]')]


@pytest.fixture(scope="module")
def rendered():
    return parsed(answers.render(ROOT))


def test_every_line_shows_the_numbers_of_the_results(rendered):
    rows = claims(rendered)
    assert len(rows) == len(LINES)
    for line, row in zip(LINES, rows, strict=True):
        metric, values = gain(line)
        unit, scale, digits = answers.UNITS[metric]
        expected = [values.mean(), *statistics.interval(values, 0.98, overlap(line))]
        shown = row.select("td")[1].get_text().replace("\N{MINUS SIGN}", "-")
        found = re.fullmatch(r"(\S+) ([a-z ]+) \[(\S+), (\S+)\](, .*)?", shown)
        assert found[2] == unit
        texts = [f"{scale * value:+.{digits}f}" for value in expected]
        numbers = [text if float(text) else text[1:] for text in texts]  # zero has no sign
        assert [found[1], found[3], found[4]] == numbers
        assert row.th.get_text() == line["claim"]
        assert f"{len(values)} seeds" in row.get_text()


def test_every_line_says_whether_arms_were_tuned(rendered):
    """By the registrations, which say how an arm is tuned: on each seed or on the pilot's."""
    shown = set()
    for line, row in zip(LINES, claims(rendered), strict=True):
        id = answers.verdict(line).found.id
        says = next(
            words
            for words in ("every arm tuned", "tuned on a pilot", "no arm tuned")
            if words in row.select("td")[2].get_text()
        )
        shown.add(says)
        tuning = registration.read(id)["tuning"] if registration.digest(id) else ""
        on_each = re.search(r"candidates\s+on\s+each\s+seed", tuning)
        assert says == (
            "every arm tuned" if on_each else "tuned on a pilot" if tuning else "no arm tuned"
        )
    assert len(shown) == 3


@pytest.mark.parametrize(("id", "least", "most"), [("Q7", 100, 600), ("Q10", 50, 500)])
def test_arms_with_few_rows_say_how_many(rendered, id, least, most):
    rows = [
        (line["question"], row.select("td")[2].get_text())
        for line, row in zip(LINES, claims(rendered), strict=True)
        if line.get("registered") == id
    ]
    assert {question.startswith("few") for question, _ in rows} == {True, False}
    assert any(question == "fewer, more" for question, _ in rows) == (id == "Q10")
    for question, text in rows:
        if question == "fewer, more":  # the gain with few rows beside that with many
            assert "training rows" not in text
        else:
            assert f"{least if question.startswith('few') else most} training rows" in text


def test_every_verdict_agrees_with_its_interval():
    words = set()
    for line in LINES:
        found = answers.verdict(line)
        words.add(found.word)
        low, high = (end + found.allowed for end in found.interval)
        assert low < found.estimate + found.allowed < high
        if found.word == "supported":
            assert low > 0
        # What is registered is contradicted only together with all of its study.
        assert high < 0 or found.word != "contradicted"
        assert found.word == "contradicted" or high > 0 or "registered" in line
        assert found.word != "equivalent" or found.margin > abs(found.estimate)
    assert words == set(verdicts.WORDS) == set(answers.MARKS)


def test_verdicts_are_what_the_chapters_assert():
    judged = {
        (row.advice.label, name): held
        for row in advice.judge()
        for name, held in row.asserted.items()
    }
    for line in LINES:
        if "advice" in line:
            supported = answers.verdict(line).word == "supported"
            assert supported == judged[line["advice"], line["contrast"]]


def test_a_claim_of_the_wrong_sign_is_not_supported():
    for line in LINES:
        word = answers.verdict(line).word
        if "statement" in line:
            turned = answers.verdict({**line, "turned": not line.get("turned", False)})
        elif "experiment" in line:
            turned = answers.verdict({**line, "worse": line["better"], "better": line["worse"]})
        else:
            continue
        assert turned.interval == tuple(-end for end in answers.verdict(line).interval[::-1])
        pairs = {"supported": "contradicted", "equivalent": "equivalent"}
        assert word not in pairs or turned.word == pairs[word]


def test_what_no_chapter_asserts_is_never_supported():
    assert verdicts.of_arms("S5", "last", "none", "k=1").word == "undecided"
    assert verdicts.of_arms("S5", "last", "k=1", "none").word == "contradicted"


def test_a_margin_that_dropout_itself_is_within_makes_nothing_equivalent():
    found = results.load("P1")
    for name in advice.SETS:
        none, half = (found.values(f"{name} p={p}", "error") for p in (0.0, 0.5))
        assert statistics.equivalent(none, half, 0.015)
    # The margin that questions of the chapter name.
    assert {row[-1] for rows in advice.EQUIVALENT.values() for row in rows} == {0.015}
    for line in LINES:
        if answers.verdict(line).word == "equivalent":
            assert "advice" not in line
            assert answers.verdict(line).margin > 0
    loss = verdicts.of_advice("emp-increasing-rate", "digits error")
    assert (loss.word, loss.margin) == ("undecided", None)


def test_averages_have_the_larger_loss_where_inputs_are_dropped():
    found = results.load("R4")
    sampled, scaled = (
        found.values("hidden+input", f"{kind} nll") for kind in ("sampled", "scaled")
    )
    assert statistics.interval(sampled[:, -1] - scaled, 0.98)[0] > 0


def test_questions_are_well_formed():
    ids = [question["id"] for question in QUESTIONS]
    assert len(ids) == len(set(ids)) > 9
    for question in QUESTIONS:
        assert set(question) == {"id", "ask", "advice", "code", "section", "lines"}
        assert question["lines"]
    assert len({line["claim"] for line in LINES}) == len(LINES) > 50  # each is read by itself
    assert len({answers.key(line) for line in LINES}) == len(LINES)


def test_tables_have_a_caption_headers_and_no_empty_line(rendered):
    assert "\n\n" not in answers.render(ROOT)
    for table, question in zip(rendered.select("table.answers"), QUESTIONS, strict=True):
        assert table.caption.get_text().startswith(question["ask"])
        heads = [th.get_text() for th in table.select('thead th[scope="col"]')]
        assert heads == [*answers.COLUMNS]


def test_a_fold_says_how_many_claims_have_which_verdict(rendered):
    for fold, question in zip(rendered.select("details"), QUESTIONS, strict=True):
        shown = [span.get_text() for span in fold.select("td .verdict")]
        total, *counts = re.findall(r"[0-9]+ [a-z]+", fold.summary.get_text())
        assert total == f"{len(question['lines'])} claims"
        words = [count.split()[1] for count in counts]
        assert words == [word for word in verdicts.WORDS if word in words]
        assert counts == [
            f"{shown.count(f'{answers.MARKS[word]} {word}')} {word}" for word in words
        ]
        assert sum(int(count.split()[0]) for count in counts) == len(shown)


def test_links_lead_to_sections_of_the_built_pages():
    page = parsed(PAGE.read_text(encoding="utf-8"))
    links = page.select("section.answer > p > a[href]")
    assert len(links) == len(QUESTIONS)
    for link in links:
        path, _, anchor = link["href"].partition("#")
        chapter = BeautifulSoup((PAGE.parent / path).read_text(encoding="utf-8"), "html.parser")
        target = chapter.find(id=anchor)  # a section, or the older name in front of its title
        assert target is not None, link["href"]


def test_built_page_says_what_is_rendered_now(rendered):
    built = parsed(PAGE.read_text(encoding="utf-8")).select("section.answer")
    now = rendered.select("section.answer")
    assert [one.get_text() for one in built] == [one.get_text() for one in now]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_code_is_python(question):
    compile(question["code"], question["id"], "exec")


@pytest.mark.parametrize("name", ["answers", "guide"])
def test_no_comment_of_code_is_lost_as_one_of_yaml(name):
    text = (ROOT / "interactive" / f"{name}.yml").read_text(encoding="utf-8")
    for line in re.findall(r"^ +(code: .*)$", text, re.MULTILINE):
        assert yaml.safe_load(line)["code"].count("#") == line.count("#")


def test_a_comment_is_not_broken_and_the_code_stays_as_it_is():
    whole = "<code>f(a, b)  #\N{NO-BREAK SPACE}a\N{NO-BREAK SPACE}comment</code>"
    assert answers.code("f(a, b)  # a comment") == whole
    assert answers.code("f(a, b)") == "<code>f(a, b)</code>"


def test_early_stopping_keeps_the_best_network_and_not_the_last_good_one():
    (code,) = [question["code"] for question in QUESTIONS if question["id"] == "stopping"]
    saved = []
    torch = SimpleNamespace(save=lambda state, path: saved.append(state))
    names = {"best": 10.0, "torch": torch}
    for loss in (3.0, 1.0, 2.0):
        names |= {"loss": loss, "model": SimpleNamespace(state_dict=lambda loss=loss: loss)}
        exec(code, names)
    assert saved[-1] == names["best"] == 1.0


@pytest.mark.browser
def test_without_scripts_the_verdicts_are_read_on_a_phone(browser):
    with browser.new_context(java_script_enabled=False, viewport=pages.PHONE) as context:
        page = context.new_page()
        page.goto(PAGE.as_uri())
        shown = page.locator("td .verdict").filter(visible=True)
        assert shown.count() == 0
        for summary in page.locator("section.answer summary").all():
            summary.click()
        assert shown.count() == len(LINES)
        for table in page.locator("table.answers").all():
            widths = table.evaluate("e => [e.scrollWidth, e.clientWidth]")
            assert widths[0] <= widths[1]


@pytest.mark.browser
@pytest.mark.parametrize("page", ["answers", "guide"])
def test_what_is_folded_is_printed(browser, page):
    with browser.new_context() as context:
        shown = context.new_page()
        shown.goto(PAGE.with_name(f"{page}.html").as_uri())
        tables = shown.locator("details > table.answers")
        assert tables.filter(visible=True).count() == 0 < tables.count()
        shown.emulate_media(media="print")
        assert tables.filter(visible=True).count() == tables.count()


@pytest.mark.browser
def test_a_link_to_the_claims_opens_their_fold(browser):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{PAGE.as_uri()}#claims-need")
        assert page.locator("#answer-need td .verdict").first.is_visible()
        assert page.locator("section.answer details[open]").count() == 1
