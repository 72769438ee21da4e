"""The decision guide: its rules, on all combinations of choices, and the page that shows them."""

import itertools
import re
from types import SimpleNamespace

import pages
import pytest
import torch
from bs4 import BeautifulSoup

import dropoutlib.bayes
import dropoutlib.nn
from book.experiments import verdicts
from book.extensions import answers, guide
from book.scripts import build_ledger, ledger_page
from book.scripts.build_book import ROOT

browser = pages.browser
TABLE = guide.load(ROOT)
LINES = guide.lines_of(ROOT)
KEPT, LEFT_OUT = guide.standing(TABLE["rules"], LINES)
GUIDE = TABLE | {"rules": KEPT}
QUESTIONS = TABLE["questions"]
RULES = {rule["id"]: rule for rule in TABLE["rules"]}
ROWS = ledger_page.rows(ROOT)
ASKED = {question["id"]: question for question in answers.load(ROOT)}
PAGE = ROOT / "_build" / "html" / "interactive" / "guide.html"
PARTS = {
    "id", "role", "when", "unless", "drops", "variant", "where", "p", "code", "answer", "because",
    "evidence", "sources", "rests", "seen", "dissent", "against", "evidence_against",
}  # fmt: skip


def combinations():
    """All choices, each question also without an answer."""
    for options in itertools.product(*([None, *q["options"]] for q in QUESTIONS.values())):
        yield {name: choice for name, choice in zip(QUESTIONS, options, strict=True) if choice}


DECIDED = [(chosen, guide.decide(GUIDE, chosen)) for chosen in combinations()]


def code_of(rule):
    return rule.get("code") or ASKED.get(rule.get("answer"), {}).get("code")


def test_advice_to_drop_nothing_has_no_code_that_drops():
    for rule in TABLE["rules"]:
        if rule.get("drops") is False:
            assert not re.search(r"\b0\.0*[1-9]", code_of(rule) or ""), rule["id"]


# ---- The rules, on all combinations -------------------------------------------------------------


def test_all_combinations_are_walked():
    assert len(DECIDED) == 1344


def test_there_is_one_recommendation_with_its_p_and_its_line_of_pytorch():
    for _, answer in DECIDED:
        first = RULES[answer["first"]]
        assert first["role"] in ("first", "both")
        assert first["p"]
        assert code_of(first)


def test_nothing_that_drops_stands_beside_the_advice_to_drop_nothing():
    silent = 0
    for _, answer in DECIDED:
        if not RULES[answer["first"]].get("drops", True):
            silent += 1
            assert all(not RULES[name].get("drops", True) for name in answer["also"])
            assert float(RULES[answer["first"]]["p"]) == 0
    assert silent > 300


def test_the_advice_to_drop_nothing_is_said_first_or_not_at_all():
    for rule in RULES.values():
        if rule.get("p") == "0":
            assert rule["role"] == "first"
            assert rule["drops"] is False


def test_answers_are_short_and_repeat_nothing():
    for _, answer in DECIDED:
        shown = [answer["first"], *answer["also"]]
        assert len(set(shown)) == len(shown) <= 6
        assert len({RULES[name]["variant"] for name in shown}) == len(shown)


def test_no_rule_fills_a_row_without_a_choice_that_asks_for_it():
    assert guide.decide(GUIDE, {})["also"] == []
    assert [rule["id"] for rule in KEPT if "when" not in rule] == ["dense"]
    for chosen, answer in DECIDED:
        for name in answer["also"]:
            assert set(RULES[name]["when"]) <= set(chosen)


def test_a_question_without_an_answer_adds_nothing():
    for chosen, answer in DECIDED:
        for name in set(QUESTIONS) - set(chosen):
            filled = [guide.decide(GUIDE, {**chosen, name: o}) for o in QUESTIONS[name]["options"]]
            assert answer["first"] in {other["first"] for other in filled}
            seen = {rule for other in filled for rule in [other["first"], *other["also"]]}
            assert set(answer["also"]) <= seen, (chosen, name)


def test_a_question_without_an_answer_excludes_nothing():
    for chosen, answer in DECIDED:
        for name in set(QUESTIONS) - set(chosen):
            filled = [guide.decide(GUIDE, {**chosen, name: o}) for o in QUESTIONS[name]["options"]]
            always = set.intersection(*({o["first"], *o["also"]} for o in filled))
            assert always <= {answer["first"], *answer["also"]}, (chosen, name)


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_changes_some_answer(name):
    changed = set()
    for chosen, _ in DECIDED:
        if name not in chosen:
            for option in QUESTIONS[name]["options"]:
                found = guide.decide(GUIDE, {**chosen, name: option})
                changed.add((found["first"], *found["also"]))
    assert len(changed) > 1
    base = {"layers": "dense"} if name != "layers" else {}
    found = [guide.decide(GUIDE, {**base, name: o}) for o in QUESTIONS[name]["options"]]
    assert len({(f["first"], *f["also"]) for f in found}) > 1


def test_every_rule_that_stands_is_an_answer_to_something():
    shown = {name for _, answer in DECIDED for name in [answer["first"], *answer["also"]]}
    assert shown == {rule["id"] for rule in KEPT}


def test_open_questions_are_those_that_may_change_the_recommendation():
    assert guide.decide(GUIDE, {"layers": "recurrent", "data": "much"})["open"] == []
    for chosen, answer in DECIDED:
        for name in set(QUESTIONS) - set(chosen):
            firsts = {
                guide.decide(GUIDE, {**chosen, name: o})["first"]
                for o in QUESTIONS[name]["options"]
            }
            assert (name in answer["open"]) == (firsts != {answer["first"]})


def test_choices_that_cannot_all_be_had_are_said():
    assert guide.decide(GUIDE, {"layers": "selu", "norm": "batch"})["clashes"] == ["selu-norm"]
    assert guide.decide(GUIDE, {"data": "once", "wanted": "spread"})["clashes"] == ["once-spread"]
    assert guide.decide(GUIDE, {"layers": "selu", "norm": "none"})["clashes"] == []
    for chosen, answer in DECIDED:
        # Uncertainty from masks is asked for, and no mask is drawn.
        silent = not RULES[answer["first"]].get("drops", True)
        if chosen.get("wanted") == "spread" and silent:
            assert "once-spread" in answer["clashes"]


# ---- What the rules rest on ---------------------------------------------------------------------


@pytest.mark.parametrize("rule", TABLE["rules"], ids=lambda rule: rule["id"])
def test_rule_is_well_formed(rule):
    assert set(rule) <= PARTS
    assert all(rule[part] for part in ("variant", "where", "because", "evidence", "dissent"))
    for part in ("when", "unless"):
        for question, choices in rule.get(part, {}).items():
            assert set(choices) <= set(QUESTIONS[question]["options"])
    assert set(rule["evidence"]) | set(rule.get("evidence_against", ())) <= set(ROWS)
    named = {name.removeprefix("not ") for part in ("rests", "seen") for name in rule.get(part, ())}
    assert named <= set(LINES), "a comparison that the answers do not have"
    keys = set(re.findall(r"^@\w+\{([\w-]+),", (ROOT / "references.bib").read_text("utf-8"), re.M))
    assert {*rule.get("sources", ()), *rule.get("against", ())} <= keys
    assert rule.get("answer") in {None, *ASKED}
    if code := code_of(rule):
        compile(code, rule["id"], "exec")
        for package, name in re.findall(r"\b(nn|dropoutlib(?:\.\w+)+)\.(\w+)\(", code):
            home = torch.nn if package == "nn" else eval(package, {"dropoutlib": dropoutlib})
            assert hasattr(home, name), name


def test_an_experiment_that_a_rule_names_speaks_in_it_or_stands_in_the_ledger_only():
    """A label with lines among the answers has some of them shown, with their verdicts."""
    with_lines = {line.get("advice") or line.get("statement") for line in LINES.values()}
    for rule in TABLE["rules"]:
        named = {n.removeprefix("not ").partition("/")[0] for n in rule.get("rests", ())}
        named |= {n.removeprefix("not ").partition("/")[0] for n in rule.get("seen", ())}
        assert set(rule["evidence"]) & with_lines <= named, rule["id"]


def test_every_recommendation_that_could_fall_rests_on_a_result():
    """What is said of a network, and not only of the mask, needs a result that speaks for it."""
    for rule in KEPT:
        theorems = any(label.startswith(("thm", "approx")) for label in rule["evidence"])
        assert rule.get("rests") or theorems, rule["id"]


def test_a_rule_that_stands_has_what_it_rests_on_for_it():
    for rule in KEPT:
        assert all(side == "for" for side, rests, *_ in guide.claims(rule, LINES) if rests)
    for rule in LEFT_OUT:
        assert any(side != "for" for side, rests, *_ in guide.claims(rule, LINES) if rests)


def turned(line):
    """The verdict on a line as it would be if the experiment had come out the other way."""
    word = {"supported": "contradicted", "contradicted": "supported"}
    found = answers.verdict(line)
    return SimpleNamespace(word=word.get(found.word, found.word))


def test_other_results_give_other_recommendations_and_leave_nobody_without():
    kept, _ = guide.standing(TABLE["rules"], LINES, turned)
    names = {rule["id"] for rule in kept}
    assert "channels" in names
    assert not names & {"conv", "once", "droppath", "little", "late", "inputs"}
    other = TABLE | {"rules": kept}
    assert guide.decide(other, {"layers": "conv"})["first"] == "channels"
    assert guide.decide(other, {"layers": "attention"})["first"] == "sublayers"
    for chosen in combinations():
        assert guide.decide(other, chosen)["first"]


@pytest.mark.parametrize("word", verdicts.WORDS)
def test_whatever_the_verdicts_nobody_is_left_without(word):
    kept, _ = guide.standing(TABLE["rules"], LINES, lambda line: SimpleNamespace(word=word))
    for chosen in combinations():
        assert guide.decide(TABLE | {"rules": kept}, chosen)["first"]


#: Words that say how an experiment came out.
OUTCOME = re.compile(
    r"\b(better|worse|best|lower(s|ed)?|rais(e[sd]?|ing)|fewer|more errors|help(s|ed)?|gain(s|ed)?"
    r"|harm(s|ed)?|improv\w+|reduc\w+|increas\w+|equal(s|ly)?|the same (error|loss)|nats|points)\b",
    re.IGNORECASE,
)
#: What is said of masks and moments, by theorems that the sentence's rule names.
OF_THEOREMS = (
    "It equals the mean over all subnetworks when what follows the mask is multi-affine.",
    "Dropout in front raises the variance in training only, so that BatchNorm stores more than "
    "comes in.",
)


def outcomes(rule):
    """Sentences of a rule that say how an experiment came out without naming who reports it."""
    names = [*rule.get("sources", {}).values(), *rule.get("against", {}).values()]
    for part in ("variant", "where", "p", "because", "dissent"):
        for sentence in re.split(r"(?<=[.]) (?=[A-Z])", rule.get(part, "")):
            named = any(name.rstrip("0123456789() ") in sentence for name in names)
            if sentence.endswith("was not tried here."):
                continue
            if OUTCOME.search(sentence) and not named and sentence not in OF_THEOREMS:
                yield sentence


@pytest.mark.parametrize("rule", TABLE["rules"], ids=lambda rule: rule["id"])
def test_no_sentence_says_a_result_that_is_stored(rule):
    """Results are shown from where they are stored, and cannot contradict it."""
    assert list(outcomes(rule)) == []


def test_a_sentence_that_says_a_result_is_found():
    rule = {"because": "It is simple. It lowered the loss here.", "dissent": "X et al. gained."}
    assert list(outcomes(rule)) == ["It lowered the loss here.", "X et al. gained."]
    named = rule | {"sources": {"x": "X et al. (2014)"}}
    assert list(outcomes(named)) == ["It lowered the loss here."]


def test_numbers_of_p_are_those_that_the_experiments_tried():
    """Each p of a rule that rests on results is the p of an arm that they compare."""
    for rule in KEPT:
        arms = " ".join([*rule.get("rests", ()), *rule.get("seen", ())])
        tried = set(
            re.findall(
                r"0\.\d",
                arms
                + " ".join(
                    LINES[n.removeprefix("not ")]["claim"]
                    for n in [*rule.get("rests", ()), *rule.get("seen", ())]
                ),
            )
        )
        if rule.get("rests") and rule["id"] not in ("head", "inputs"):
            assert set(re.findall(r"0\.\d", rule.get("p", ""))) <= tried, rule["id"]


# ---- The page -----------------------------------------------------------------------------------


def parsed():
    return BeautifulSoup(PAGE.read_text(encoding="utf-8"), "html.parser")


def test_page_shows_every_rule_with_what_speaks_for_and_against_it():
    page = parsed()
    assert [body["id"] for body in page.select("table.guide tbody")] == [
        f"guide-{rule['id']}"
        for rules in (
            [rule for rule in KEPT if rule["role"] != "also"],
            [rule for rule in KEPT if rule["role"] == "also"],
            LEFT_OUT,
        )
        for rule in rules
    ]
    for rule in TABLE["rules"]:
        body = page.select_one(f"#guide-{rule['id']}")
        text = body.get_text(" ")
        assert rule["variant"] in text
        assert "But:" in text
        assert "p" not in rule or f"= {rule['p']}" in text
        links = {link["href"].partition("#ledger-")[2] for link in body.select("a[href]")}
        assert set(rule["evidence"]) <= links
        shown = {verdict.get_text().split()[-1] for verdict in body.select(".verdict")}
        assert shown == {found.word for *_, found in guide.claims(rule, LINES)}
    assert page.select_one(".guide-data")


def test_page_says_what_is_rendered_now():
    rendered = BeautifulSoup(guide.render(ROOT), "html.parser").select("table.guide")
    assert [t.get_text() for t in parsed().select("table.guide")] == [
        table.get_text() for table in rendered
    ]
    assert "\n\n" not in guide.render(ROOT)


def test_links_lead_to_what_is_there():
    for link in parsed().select("table.guide a[href]"):
        path, _, anchor = link["href"].partition("#")
        other = (PAGE.parent / path).resolve()
        assert f'id="{anchor}"' in other.read_text(encoding="utf-8"), link["href"]


@pytest.fixture
def opened(browser):
    with pages.watched(browser, "file://") as (page, faults):
        page.goto(PAGE.as_uri())
        yield page
        assert faults == []


@pytest.mark.browser
def test_page_decides_as_the_rules_do_on_all_combinations(opened):
    found = opened.evaluate(
        "all => all.map(playground.states.guide.decide)", [chosen for chosen, _ in DECIDED]
    )
    assert found == [answer for _, answer in DECIDED]


@pytest.mark.browser
def test_recommendation_is_in_view_on_a_phone_after_each_choice(opened):
    opened.set_viewport_size(pages.PHONE)
    card = opened.get_by_role("status")
    for name, label in (("layers", "attention"), ("data", "much"), ("stage", "fine-tuning")):
        choice = opened.locator(f'label:has(input[name="{name}"])').filter(has_text=label)
        choice.scroll_into_view_if_needed()
        choice.click()
        box = card.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= pages.PHONE["height"]
        assert box["height"] < pages.PHONE["height"] / 2
        chosen = opened.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")
        first = RULES[guide.decide(GUIDE, chosen)["first"]]
        text = card.inner_text()
        assert first["variant"] in text
        assert f"p = {first['p']}" in text
        assert code_of(first) in text


@pytest.mark.browser
def test_choices_live_in_the_address(opened):
    card = opened.get_by_role("status")
    start = card.inner_text()
    opened.get_by_role("radio", name="SELU activations").focus()
    opened.keyboard.press("Space")
    assert opened.evaluate("location.hash") == "#layers=selu"
    opened.get_by_role("radio", name="BatchNorm").check(force=True)
    assert opened.evaluate("location.hash") == "#layers=selu&norm=batch"
    assert "Choose one of the two" in card.inner_text()
    opened.go_back()
    assert opened.get_by_role("radio", name="SELU activations").is_checked()
    assert not opened.get_by_role("radio", name="BatchNorm").is_checked()
    assert "Choose one of the two" not in card.inner_text()
    opened.go_back()
    assert card.inner_text() == start
    opened.goto(f"{PAGE.as_uri()}#layers=conv&data=nonsense&other=1")
    assert RULES["conv"]["variant"] in card.inner_text()
    opened.reload()
    assert RULES["conv"]["variant"] in card.inner_text()
    opened.get_by_role("button", name="Begin again").click()
    assert card.inner_text() == start
    assert opened.evaluate("location.hash") == ""


@pytest.mark.browser
def test_answer_has_also_and_dissent_behind_the_recommendation(opened):
    opened.goto(f"{PAGE.as_uri()}#layers=dense&norm=batch&stage=scratch")
    more = opened.locator(".guide-more")
    also = guide.decide(GUIDE, {"layers": "dense", "norm": "batch", "stage": "scratch"})["also"]
    assert [s.split(",")[0] for s in more.locator("summary strong").all_inner_texts()] == [
        RULES[name]["variant"].split(",")[0] for name in also
    ]
    text = more.inner_text()
    assert text.index("Because") < text.index("Also consider") < text.index("Against it")
    assert RULES["dense"]["dissent"] in text


@pytest.mark.browser
@pytest.mark.parametrize(("wanted", "rule"), [("spread", "sampling"), ("mean", "one-pass")])
def test_what_is_wanted_is_answered_beside_the_recommendation(opened, wanted, rule):
    opened.goto(f"{PAGE.as_uri()}#layers=dense&norm=batch&wanted={wanted}")
    text = opened.locator(".guide-card").inner_text()
    assert text.index(RULES["dense"]["variant"]) < text.index(RULES[rule]["variant"])
    opened_below = opened.locator(".guide-more details[open]")
    assert RULES[rule]["where"].partition(";")[0] in opened_below.inner_text()
    opened.goto(f"{PAGE.as_uri()}#layers=dense&norm=batch")
    assert RULES[rule]["variant"] not in opened.locator(".guide-card").inner_text()


@pytest.mark.browser
def test_a_link_to_a_rule_opens_the_list_that_has_it(opened):
    opened.goto(f"{PAGE.as_uri()}#guide-batchnorm")
    assert opened.locator("#guide-batchnorm").is_visible()
    assert opened.locator("details.rules[open]").count() == 1


@pytest.mark.browser
def test_without_scripts_the_rules_are_read_on_a_phone(browser):
    with browser.new_context(java_script_enabled=False, viewport=pages.PHONE) as context:
        page = context.new_page()
        page.goto(PAGE.as_uri())
        assert not page.locator(".guide-form").is_visible()
        for summary in page.locator("details.rules > summary").all():
            summary.click()
        shown = page.locator("table.guide tbody").filter(visible=True)
        assert shown.count() == len(TABLE["rules"])
        for table in page.locator("table.guide").all():
            widths = table.evaluate("e => [e.scrollWidth, e.clientWidth]")
            assert widths[0] <= widths[1]


def test_labels_are_of_kinds_that_the_ledger_knows():
    prefixes = {start for start, *_ in build_ledger.KINDS.values()}
    for clash in TABLE["clashes"]:
        assert set(clash["evidence"]) <= set(ROWS)
        assert {label.partition("-")[0] for label in clash["evidence"]} <= prefixes
