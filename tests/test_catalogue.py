"""The catalogue of variants: complete rows, known sources and statements, a table that filters."""

import re

import pages
import pytest

import dropoutlib.layers
import dropoutlib.nn
from book.extensions import catalogue
from book.scripts import build_ledger
from book.scripts.build_book import ROOT

browser = pages.browser
FOUND = catalogue.load(ROOT)
VARIANTS = FOUND["variants"]
PAGE = ROOT / "_build" / "html" / "interactive" / "catalogue.html"
KEYS = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "references.bib").read_text("utf-8"), re.M))
LIBRARY = re.compile(r"dropoutlib `nn\.(\w+)`")
FIRST = {re.match("[a-z]+", variant["source"])[0] for variant in VARIANTS}  # first authors
SAME = {"hinton": "srivastava"}  # one idea: the preprint and the paper
PARTS = {
    *("name", "family", "formula", "mean", "variance"),
    *("inference", "implemented", "source", "statement"),
}


def test_there_are_enough_variants_and_each_once():
    names = [variant["name"] for variant in VARIANTS]
    assert len(names) >= 45
    assert len(set(names)) == len(names)


def faults(variant):
    """What a row lacks or names that does not exist."""
    labels = {statement.label for statement in build_ledger.statements()}
    found = [f"no {part}" for part in sorted(PARTS - variant.keys())]
    found += [f"unknown {part}" for part in sorted(variant.keys() - PARTS)]
    if variant.get("family") not in FOUND["families"]:
        found.append("family")
    if variant.get("source") not in KEYS:
        found.append("source")
    if variant.get("statement") not in labels | {catalogue.UNVERIFIED}:
        found.append("statement")
    return found


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant["name"])
def test_a_row_is_complete_and_names_what_exists(variant):
    assert faults(variant) == []
    assert all(str(value).strip() for value in variant.values())
    assert sum(str(value).count("$") for value in variant.values()) % 2 == 0


def test_faults_of_a_row_are_found():
    broken = VARIANTS[0] | {"source": "nobody1900", "statement": "thm-nothing", "family": "none"}
    assert faults(broken) == ["family", "source", "statement"]
    del broken["mean"]
    assert "no mean" in faults(broken)


def test_links_to_code_lead_somewhere_and_each_is_used():
    named = [name for v in VARIANTS for name in re.findall(r"\]\[([\w-]+)\]", v["implemented"])]
    page = (ROOT / "interactive" / "catalogue.md").read_text(encoding="utf-8")
    assert set(named) == set(re.findall(r"^\[([\w-]+)\]: https://\S+$", page, re.MULTILINE))


def test_every_family_has_a_variant():
    assert {variant["family"] for variant in VARIANTS} == set(FOUND["families"])


def test_every_theorem_of_the_chapter_is_in_the_catalogue():
    named = {variant["statement"] for variant in VARIANTS}
    stated = {s.label for s in build_ledger.statements() if s.chapter == "sequences"}
    observed = {label for label in stated if label.startswith("emp-")}  # of networks that use them
    assert stated - observed <= named


def test_the_table_has_a_row_for_each_variant_and_the_same_number_of_cells():
    text = catalogue.table(VARIANTS)
    assert text.count("\n* - ") == len(VARIANTS) + 1
    assert text.count("\n  - ") == (len(catalogue.COLUMNS) - 1) * (len(VARIANTS) + 1)
    assert catalogue.render(ROOT).count("<option") >= len(FOUND["families"])


def test_what_was_only_seen_does_not_count_as_verified():
    for variant in VARIANTS:
        (standing,) = re.findall(r"\{\.verified-(\w+)\}", str(catalogue.row(variant)))
        proved = variant["statement"].startswith(("def-", "thm-", "approx-"))
        assert (standing == "yes") == proved, variant["name"]
        assert standing in catalogue.VERIFIED


def test_a_class_of_the_library_is_by_the_source_of_its_row():
    """Two ideas are called variational dropout, and the library has one of them."""
    named = [(v, name) for v in VARIANTS for name in LIBRARY.findall(v["implemented"])]
    assert len(named) > 10
    for variant, name in named:
        documented = " ".join(
            found.__doc__
            for room in (dropoutlib.nn, dropoutlib.layers, dropoutlib.nn.functional)
            if (found := getattr(room, name, None)) is not None
        )
        cited = FIRST & set(re.findall(r"\w+", documented.lower()))
        first = re.match("[a-z]+", variant["source"])[0]
        assert not cited or {first, SAME.get(first)} & cited, (variant["name"], name)


@pytest.mark.browser
def test_rows_are_filtered_and_sorted(browser):
    with pages.watched(browser, "file://") as (page, problems):
        page.goto(PAGE.as_uri())
        rows = page.locator("table.catalogue > tbody > tr")
        shown = page.locator("table.catalogue > tbody > tr:not([hidden])")
        assert rows.count() == shown.count() == len(VARIANTS)
        page.select_option(".row-filter [name=family]", "recurrent")
        wanted = [v["name"] for v in VARIANTS if v["family"] == "recurrent"]
        assert shown.locator("strong").all_inner_texts() == wanted
        page.select_option(".row-filter [name=order]", "name")
        assert shown.locator("strong").all_inner_texts() == sorted(wanted, key=str.lower)
        assert "family=recurrent" in page.url
        page.fill(".row-filter [name=words]", "no such word")
        assert shown.count() == 0
        page.click(".row-filter button")
        assert shown.count() == len(VARIANTS)
        assert problems == []


@pytest.mark.browser
def test_rows_stack_on_a_phone(browser):
    with pages.watched(browser, "file://") as (page, _):
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto(PAGE.as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
