"""The search of the pages: by section, with excerpts, from disk, by keyboard."""

import json
import re

import pages
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

from book.extensions import search
from book.scripts.build_book import ROOT

browser = pages.browser
HTML = ROOT / "_build" / "html"
INDEX = HTML / "_static" / "search" / "index.js"
WORDS = yaml.safe_load((ROOT / search.WORDS).read_text(encoding="utf-8"))
FIELD = "#pst-search-dialog input"
HITS = "#search-suggestions a"
PAGE = """
<article><section id="top"><h1>A page<a class="headerlink" href="#top">#</a></h1>
<p>Of <span class="math">\\(p\\)</span> and <span class="math">\\(\\frac12\\)</span> .</p>
<section id="long-made-of-the-title"><span id="kept"></span><h2>1. A <em>part</em></h2>
<p>Words.</p><pre>nn.Dropout(p) nn.Dropout(q)</pre><div class="cell_output">printed</div>
<div class="proof theorem admonition" id="thm-one"><p class="admonition-title">Theorem 1 (One)</p>
<section id="proof-content"><p>Stated.</p></section></div></section>
<section class="answer" id="answer-x"><h2>Which?</h2><p>This.</p>
<details><summary>2 claims</summary></details></section>
<table class="answers guide"><tbody id="guide-x"><tr class="question"><th>If</th></tr>
<tr><td>That.</td></tr></tbody></table>
<table class="answers guide left-out"><tbody id="guide-y"><tr class="question"><th>No</th></tr>
<tr><td>Not this.</td></tr></tbody></table></section></article>
"""


def parts():
    text = INDEX.read_text(encoding="utf-8")
    data = json.loads(text.removeprefix("window.bookSearch = ").rstrip().removesuffix(";"))
    for page, chapter, weight, found in data["pages"]:
        for anchor, title, words, code in found:
            yield page, anchor, title, chapter, words, code, weight


# ---- The index ----------------------------------------------------------------------------------


def test_a_page_is_parted_into_sections_statements_and_answers():
    found = list(search.entries(PAGE))[::-1]
    assert {anchor: (title, text) for anchor, title, text, _ in found} == {
        "top": ("A page", "Of p and …. No Not this."),
        "kept": ("1. A part", "Words."),
        "thm-one": ("Theorem 1 (One)", "Stated."),
        "answer-x": ("Which?", "This."),
        "guide-x": ("If", "That."),
    }
    assert {code for *_, code in found} == {"", "Dropout"}


def test_a_name_that_a_line_may_part_is_one_word():
    page = PAGE.replace("Words.", "Words of drop_<wbr>rate.")
    assert "Words of drop_rate." in {text for _, _, text, _ in search.entries(page)}


def test_index_leads_to_places_that_exist():
    ids = {}
    for page, anchor, title, chapter, text, code, weight in parts():
        if page not in ids:
            html = BeautifulSoup((HTML / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
            ids[page] = {tag["id"] for tag in html.find_all(id=True)}
        assert not anchor or anchor in ids[page], (page, anchor)
        assert title
        assert chapter
        assert text or code
        assert weight == WORDS["weights"].get(page, weight)
    assert len(ids) > 20


def test_pages_that_weigh_more_or_less_exist():
    assert [name for name in WORDS["weights"] if not list(HTML.glob(f"{name}*.html"))] == []
    assert {weight for *_, weight in parts()} == {1, *WORDS["weights"].values()}


def test_a_question_that_leads_nowhere_stops_the_build(tmp_path):
    (tmp_path / "interactive").mkdir()
    (tmp_path / search.WORDS).write_text(
        "synonyms: []\nweights: {}\nof_numbers: []\nfirst: [{ask: [x], show: [gone.html]}]\n",
        encoding="utf-8",
    )
    (tmp_path / "one.html").write_text(PAGE, encoding="utf-8")

    class App:
        outdir = srcdir = tmp_path
        builder = type("Builder", (), {"format": "html"})
        env = type("Environment", (), {"found_docs": ["one"]})

    with pytest.raises(ValueError, match=r"gone\.html"):
        search.write(App, None)


def test_nothing_heavy_is_loaded_before_a_search():
    """The old index of 230 KB is on no page, and the new one is asked for by no page."""
    for path in [HTML / "index.html", HTML / "search.html", HTML / "chapters" / "noise.html"]:
        text = path.read_text(encoding="utf-8")
        assert not any(name in text for name in (*search.REPLACED, "minisearch.js", "search/index"))
        assert "_static/search.js" in text
    assert (HTML / "_static" / "search.js").stat().st_size < 15_000
    assert INDEX.stat().st_size < 1_000_000


# ---- In the browser -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(browser):
    """A chapter from disk with the dialog open, and the addresses that were asked for."""
    with pages.watched(browser, "file://") as (page, faults):
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((HTML / "chapters" / "noise.html").as_uri())
        page.wait_for_load_state()
        assert not any("_static/search/" in url for url in asked)
        page.keyboard.press("Control+k")
        page.wait_for_function("window.MiniSearch && window.bookSearch")
        yield page
        assert faults == []


def found(page, query):
    """Addresses of the suggestions for a query, from the root of the book."""
    status = page.locator("#pst-search-dialog [role=status]")
    page.locator(FIELD).fill("")
    page.wait_for_function(f"!document.querySelector('{HITS}')")
    page.locator(FIELD).fill(query)
    page.wait_for_function("e => e.textContent", arg=status.element_handle())
    return [
        link.get_attribute("href").partition("/_build/html/")[2]
        for link in page.locator(HITS).all()
    ]


@pytest.mark.browser
@pytest.mark.parametrize(
    "query",
    ["which p", "how much dropout", "dropout rate", "which p for CNN", "rate", "What p is best?"],
)
def test_answers_and_guide_are_first_for_which_p(opened, query):
    first, second, *_ = found(opened, query)
    assert first.startswith("interactive/answers.html")
    assert second.startswith("interactive/guide.html")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("query", "expected", "within"),
    [
        ("overfitting", "chapters/formulation.html", 2),
        ("co-adaptation", "chapters/formulation.html", 1),
        ("bagging", "chapters/ensemble.html", 1),
        ("early stopping", "interactive/answers.html#answer-stopping", 1),
        ("early stopping", "chapters/practice.html#what-goes-wrong", 4),
        ("LSTM", "interactive/guide.html#guide-recurrent", 1),
        ("LSTM", "chapters/sequences.html#one-mask-for-all-steps", 2),
        ("RNN", "interactive/guide.html#guide-recurrent", 1),
        ("CNN", "interactive/guide.html#guide-conv", 1),
        ("CNN", "chapters/practice.html#convolutions-and-transformers", 3),
        ("which p for CNN", "interactive/guide.html#guide-conv", 3),
        ("LLM", "chapters/practice.html#language-models", 1),
        ("BN", "chapters/practice.html#batch-normalisation", 3),
        ("BatchNorm", "interactive/guide.html#guide-batchnorm", 2),
        ("batch normalization", "chapters/practice.html#batch-normalisation", 3),
        ("MC dropout", "interactive/guide.html#guide-sampling", 2),
        ("MC dropout", "chapters/implementation.html#monte-carlo-predictions", 4),
        ("keep_prob", "chapters/formulation.html#two-conventions", 1),
        ("keep prob", "chapters/formulation.html#two-conventions", 1),
        ("fine-tuning", "interactive/guide.html#guide-finetuning", 2),
        ("inverted dropot", "chapters/formulation.html#def-inverted", 2),
        ("binomial", "chapters/formulation.html#", 2),
        ("mc_samples", "backmatter/api/dropoutlib.bayes.html#dropoutlib.bayes.mc_samples", 2),
        ("which p for a CNN on 1000 images", "interactive/answers.html#answer-convolutions", 1),
        ("dropout batchnorm order", "interactive/answers.html#answer-batchnorm", 1),
        ("dropout fine-tuning LLM LoRA", "chapters/systems.html#merging-an-adapter", 1),
        ("dropout in a fine-tuned LLM, and which p", "interactive/guide.html#guide-finetuning", 1),
        ("how many MC samples", "interactive/guide.html#guide-sampling", 1),
        ("droppath batch or row", "chapters/variants.html#whole-branches", 1),
        ("test my own dropout layer in CI", "backmatter/scorecard.html#how-to-examine", 1),
        ("is dropout worth it beside weight decay", "interactive/answers.html#answer-need", 1),
    ],
)
def test_words_lead_to_the_section(opened, query, expected, within):
    assert any(path.startswith(expected) for path in found(opened, query)[:within])


#: What people ask, by the section that answers: the first words bring it first, the others among
#: the first three.
QUESTIONS = {
    "systems.html#the-ratio-of-two-policies": [
        "PPO ratio not 1 before first update",
        "should I disable dropout in RLHF",
        "dropout reinforcement learning",
        "clipfrac not zero before any update",
    ],
    "systems.html#merging-an-adapter": [
        "merge LoRA",
        "does lora_dropout matter for merge_and_unload",
        "should I multiply by 1-p when merging adapter weights",
    ],
    "systems.html#attention-in-evaluation": [
        "model.eval() attention still random",
        "sdpa dropout_p",
        "outputs change after model.eval()",
    ],
    "systems.html#a-mask-drawn-again": [
        "gradient checkpointing dropout",
        "preserve_rng_state",
        "activation checkpointing different mask",
    ],
    "systems.html#workers-with-one-seed": [
        "multi GPU dropout",
        "same seed all ranks DDP dropout",
        "gradient accumulation dropout mask",
    ],
    "systems.html#shards-and-copies": [
        "tensor parallel dropout",
        "Megatron dropout seed",
        "sharded layer different masks each rank",
    ],
    "systems.html#few-random-bits": [
        "8-bit dropout rate",
        "quantised dropout probability",
        "flash attention dropout probability not exact",
    ],
    "systems.html#an-output-that-is-dropped": [
        "dropout after final layer",
        "dropout on output layer regression",
        "can dropout be the last layer",
    ],
    "systems.html#pooling-and-dropout": [
        "dropout before or after pooling",
        "max pooling dropout order",
        "conv relu dropout pool or conv relu pool dropout",
    ],
    "systems.html#a-path-without-the-layers": [
        "transformer encoder fast path",
        "Monte Carlo dropout all passes the same",
        "forward hooks not called in eval TransformerEncoderLayer",
    ],
    "systems.html#what-an-export-records": [
        "ONNX dropout",
        "torch.compile dropout",
        "dropout still active in exported model",
    ],
    "systems.html#weight-decay-beside-dropout": [
        "max norm dropout",
        "dropout and weight decay together",
        "L2 regularization and dropout at the same time",
    ],
    "systems.html#the-knobs-of-the-frameworks": [
        "Hugging Face dropout",
        "drop_rate vs drop_path_rate timm",
        "hidden_dropout_prob vs attention_probs_dropout_prob",
    ],
    "systems.html#a-doctor-for-a-model": [
        "check model for dropout mistakes",
        "diagnose dropout in my model",
        "why is my dropout not working",
        "training and inference differ in scale, which check do I run",
    ],
    "sequences.html#one-mask-for-all-steps": [
        "dropout between time steps",
        "recurrent dropout same mask every step",
        "Gal dropout RNN",
    ],
    "sequences.html#units-that-stay-as-they-were": [
        "zoneout",
        "does zoneout need rescaling",
        "zoneout at test time",
    ],
    "sequences.html#dividing-by-what-was-kept": [
        "DropHead",
        "divide by number of kept units",
        "drop whole attention heads",
    ],
    "sequences.html#keys-dropped-before-the-softmax": [
        "attention dropout before softmax",
        "DropKey",
        "attention dropout rows do not sum to one",
    ],
    "sequences.html#edges-of-a-graph": [
        "dropout graph neural network",
        "DropEdge rescale edges",
        "randomly remove edges GNN training",
    ],
    "sequences.html#a-subset-of-the-tokens": [
        "drop tokens",
        "PatchDropout",
        "keep random subset of tokens variance",
    ],
    "sequences.html#mixing-in-the-weights-of-before": [
        "mixout",
        "fine-tuning regularise to pretrained weights",
        "dropout towards pretrained weights",
    ],
    "sequences.html#fine-tuning-on-few-rows": [
        "does fine-tuning on few rows need dropout",
        "dropout fine-tuning small dataset",
    ],
    "sequences.html#a-condition-that-is-dropped": [
        "diffusion dropout",
        "classifier-free guidance dropout probability",
        "drop the prompt 10%",
    ],
    "sequences.html#two-views-of-one-sentence": [
        "SimCSE",
        "contrastive learning dropout",
        "SimCSE eval mode",
    ],
}


@pytest.mark.browser
@pytest.mark.parametrize("section", QUESTIONS)
def test_questions_about_systems_and_sequences_are_answered(opened, section):
    for number, query in enumerate(QUESTIONS[section]):
        hits = found(opened, query)[: 3 if number else 1]
        assert f"chapters/{section}" in hits, query


def test_each_question_that_the_chapters_list_is_asked():
    for chapter in ("systems", "sequences"):
        text = (ROOT / "manuscript" / f"{chapter}.md").read_text(encoding="utf-8")
        table = text.split("| as it is asked |")[1].split("\n\n")[0]
        for anchor in re.findall(r"\(([a-z-]+)\)", table):
            assert f"{chapter}.html#{anchor}" in QUESTIONS


@pytest.mark.browser
def test_synonyms_find_what_only_the_other_word_says(opened):
    for one, other in (("CNN", "convolutional"), ("BN", "BatchNorm"), ("RNN", "recurrent")):
        assert set(found(opened, one)) & set(found(opened, other)), one
    assert found(opened, "xyzzyq") == []
    assert opened.locator("#pst-search-dialog [role=status]").inner_text() == "Nothing found"


@pytest.mark.browser
def test_excerpt_stands_around_the_hit_and_marks_it(opened):
    found(opened, "co-adaptation")
    hit = opened.locator(HITS).first
    assert "adapt" in hit.locator("mark").last.inner_text().lower()
    assert len(hit.locator(".context").inner_text().split()) < 40
    assert hit.locator(".title").inner_text()


@pytest.mark.browser
def test_suggestions_are_operated_by_keyboard_and_told_to_screen_readers(opened):
    hits = found(opened, "LLM")
    field = opened.locator(FIELD)
    assert field.get_attribute("role") == "combobox"
    assert field.get_attribute("aria-expanded") == "true"
    for _ in hits:
        opened.keyboard.press("ArrowDown")
    active = opened.locator('[role=option][aria-selected="true"]')
    assert active.count() == 1
    assert active.get_attribute("id") == field.get_attribute("aria-activedescendant")
    assert active.evaluate("e => e === e.parentElement.lastElementChild")
    opened.keyboard.press("ArrowDown")
    assert active.get_attribute("id") == "suggestion-0"
    opened.keyboard.press("ArrowUp")
    assert active.evaluate("e => e === e.parentElement.lastElementChild")
    opened.keyboard.press("Home")
    faults = (
        Axe()
        .run(opened, context="#pst-search-dialog", options={"preload": False})
        .response["violations"]
    )
    assert [(fault["id"], fault["help"]) for fault in faults] == []


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_suggestions_are_read_on_a_phone(opened, scheme):
    opened.evaluate("theme => document.documentElement.dataset.theme = theme", scheme)
    opened.set_viewport_size(pages.PHONE)
    found(opened, "which p for CNN")
    box = opened.locator("#pst-search-dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= pages.PHONE["width"]
    assert box["y"] + box["height"] <= pages.PHONE["height"]
    assert opened.locator(HITS).first.is_visible()
    faults = (
        Axe()
        .run(opened, context="#pst-search-dialog", options={"preload": False})
        .response["violations"]
    )
    assert [(fault["id"], fault["help"]) for fault in faults] == []
    opened.set_viewport_size(pages.DESKTOP)


@pytest.mark.browser
def test_enter_opens_the_chosen_section(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.goto((HTML / "chapters" / "noise.html").as_uri())
        page.keyboard.press("Control+k")
        page.keyboard.type("LLM")
        page.locator(HITS).first.wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**/chapters/practice.html#language-models")
        page.keyboard.press("Control+k")  # and a section of the page one is on
        page.keyboard.type("batch normalisation")
        page.locator('a[href$="practice.html#batch-normalisation"]').first.click()
        page.wait_for_function("location.hash === '#batch-normalisation'")
        assert not page.locator("#pst-search-dialog").is_visible()
        assert faults == []


@pytest.mark.browser
def test_page_of_all_hits_follows_the_field(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.goto(f"{(HTML / 'search.html').as_uri()}?q=early+stopping")
        first = page.locator("#search-results li").first
        first.wait_for()
        assert first.locator("a").get_attribute("href").endswith("answers.html#answer-stopping")
        assert "stopping" in first.locator("mark").all_inner_texts()
        page.locator(".bd-search-container input").fill("xyzzyq")
        page.get_by_text("Nothing found").wait_for()
        assert page.locator("#search-results li").count() == 0
        assert faults == []
