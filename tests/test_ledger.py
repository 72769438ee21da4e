"""The ledger: every statement has its evidence, and every gap is noticed by name."""

import dataclasses

import pytest
from ledger_plugin import Claim

import dropcheck
from book.experiments import statistics
from book.scripts import build_ledger
from book.scripts.build_ledger import Statement, evidence_faults, statement_faults, unknown_labels

STATEMENTS = build_ledger.statements()
EXACT_PASS = dropcheck.Report(passed=True, method="identity")
EXACT_FAIL = dropcheck.Report(passed=False, method="identity")


@pytest.fixture(scope="module")
def claims():
    return build_ledger.run_claims("--collect-only")


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.label)
def test_statement_is_well_formed_and_verified(statement, claims):
    assert statement_faults(statement) + evidence_faults(statement, claims) == []


def test_labels_are_unique():
    labels = [statement.label for statement in STATEMENTS]
    assert len(labels) == len(set(labels)) > 0


def test_every_claim_names_a_statement(claims):
    assert unknown_labels(STATEMENTS, claims) == []


# An empirical claim.


def test_comparison_of_stored_results_is_evidence():
    claim = Claim("t::x", "emp-x", method="paired-experiment", rejects=("arms swapped",))
    claim.holds(statistics.greater([3.0, 3.1, 2.9], [1.0, 1.0, 1.0], 1))
    claim.rejects("arms swapped", statistics.greater([1.0, 1.0, 1.0], [3.0, 3.1, 2.9], 1))
    claim.close()
    assert claim.held == ["3 seeds, mean 2, 99 % lower bound 1.6, margin 1"]
    statement = dataclasses.replace(GOOD, label="emp-x", directive="observation")
    assert evidence_faults(statement, [claim.record()]) == []
    with pytest.raises(AssertionError, match="does not hold"):
        claim.holds(statistics.greater([3.0, 3.1, 2.9], [1.0, 1.0, 1.0], 2.5))


# The guard itself: each gap is noticed, and the label is in the message.

GOOD = Statement(
    label="thm-x",
    title="X",
    directive="theorem",
    chapter="c",
    body=":label: thm-x\n[ledger](#ledger-thm-x)\n",
)


def evidence(method, rejects=("wrong",), label="thm-x"):
    return {"label": label, "method": method, "rejects": list(rejects), "test": f"t::{method}"}


def test_complete_evidence_is_accepted():
    assert statement_faults(GOOD) == []
    assert evidence_faults(GOOD, [evidence("identity"), evidence("monte-carlo")]) == []


@pytest.mark.parametrize(
    ("claims_given", "complaint"),
    [
        ([], "no test claims it"),
        ([evidence("identity")], "a second method"),
        ([evidence("identity"), evidence("identity")], "a second method"),
        ([evidence("monte-carlo"), evidence("gradient")], "an exact method"),
        ([evidence("identity", ()), evidence("monte-carlo", ())], "no wrong form"),
        ([evidence("identity", label="thm-y")], "no test claims it"),
    ],
)
def test_missing_evidence_is_noticed(claims_given, complaint):
    (fault,) = evidence_faults(GOOD, claims_given)
    assert fault.startswith("thm-x (theorem)")
    assert complaint in fault


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"label": "", "title": "No label"}, "untitled theorem 'No label'"),
        ({"label": "lemma-x"}, "must start with one of"),
        ({"directive": "definition"}, "cannot stand in prf:definition"),
        ({"body": ":label: thm-x\n"}, "does not link to its ledger row"),
    ],
)
def test_malformed_statement_is_noticed(change, complaint):
    (fault,) = statement_faults(Statement(**{**vars(GOOD), **change}))
    assert complaint in fault


def test_unknown_label_is_noticed():
    (fault,) = unknown_labels([GOOD], [evidence("identity", label="thm-gone")])
    assert "thm-gone" in fault


# The fixture: a test that shows less than it claims fails.


def new_claim(rejects=("wrong",), method="identity", **marked):
    return Claim("tests/t.py::test_x", "thm-x", method=method, rejects=rejects, **marked)


def is_four(stated, *, method="identity", power=None):
    return dropcheck.Report(passed=stated == 4, method=method, power=power)


def test_claim_that_shows_all_is_accepted():
    claim = new_claim()
    check = claim(is_four)
    check.holds(4)
    check.rejects("wrong", 5)
    claim.close()
    assert claim.record()["rejects"] == ["wrong"]


def test_check_that_rejects_must_have_accepted():
    """Another callable may reject whatever it is given."""
    claim = new_claim()
    claim(is_four).holds(4)
    claim(lambda stated: EXACT_FAIL).rejects("wrong", 4)
    with pytest.raises(AssertionError, match="never accepted anything"):
        claim.close()


def test_check_must_be_a_function_of_the_statement():
    with pytest.raises(pytest.UsageError, match="takes statement and truth alike"):
        new_claim()(dropcheck.bound)


@pytest.mark.parametrize(("power", "complaint"), [(None, "needs `wrong`"), (0.99, "too weak")])
def test_random_check_must_have_power(power, complaint):
    check = new_claim(method="monte-carlo")(is_four)
    with pytest.raises(AssertionError, match=complaint):
        check.holds(4, method="monte-carlo", power=power)


def test_each_part_must_be_shown():
    claim = new_claim((), parts=(1, 2))
    claim.part(1)(is_four).holds(4)
    with pytest.raises(AssertionError, match=r"never checks: \[2\]"):
        claim.close()
    claim.part(2)(is_four).holds(4)
    claim.close()
    with pytest.raises(pytest.UsageError, match="not among"):
        claim.part(3)
    two = dataclasses.replace(GOOD, body=GOOD.body + "1. One.\n2. Two.\n")
    assert two.parts == (1, 2)
    given = [evidence("identity"), evidence("monte-carlo")]
    assert evidence_faults(two, given) == ["thm-x (theorem): no test claims its part 2"]
    given[0]["parts"] = [1, 2, 3]
    assert evidence_faults(two, given) == [
        "thm-x (theorem): tests claim a part 3, which it does not have"
    ]


# Altered statements: a check that accepts one says why, or fails.


def is_even_power(stated):
    return dropcheck.Report(passed=stated(-2) == 16, method="identity")


def test_check_that_accepts_an_altered_statement_fails_unless_it_says_why():
    def loose(stated):
        return dropcheck.Report(passed=abs(stated) == 4, method="identity")

    claim = new_claim(())
    claim(loose).holds(4)
    with pytest.raises(AssertionError, match="accepts the altered loose\\(stated times -1"):
        claim.alter()
    claim = new_claim(())
    claim.survives("loose(stated times -1", "it is about the size")
    claim(loose).holds(4)
    claim.alter()
    assert ("loose(stated times -1)", "accepted") in claim.altered
    assert ("loose(stated plus 1)", "rejected") in claim.altered


def test_formula_is_altered_and_settings_are_not():
    claim = new_claim(())
    claim(is_even_power).holds(lambda x: x**4)
    claim.alter()
    verdicts = dict(claim.altered)
    assert set(verdicts.values()) == {"rejected"}
    assert "is_even_power(stated times 1/(1 - a))" in verdicts
    claim = new_claim(())
    claim(is_four).holds(4, power=0.5)
    claim.alter()
    assert not any("power" in name for name, _ in claim.altered)


def test_alteration_that_changes_nothing_does_not_count():
    def vanishes(stated):
        return dropcheck.Report(passed=stated(3) == 0, method="identity")

    claim = new_claim(())
    claim(vanishes).holds(lambda x: 0 * x)
    claim.alter()
    assert {name for name, _ in claim.altered} == {"vanishes(stated plus 1)"}


def test_claim_that_checks_nothing_fails():
    with pytest.raises(AssertionError, match="checks nothing"):
        new_claim(()).close()


def test_claim_that_skips_its_wrong_form_fails():
    claim = new_claim()
    claim.holds(EXACT_PASS)
    with pytest.raises(AssertionError, match="never tries"):
        claim.close()


@pytest.mark.parametrize(
    ("attempt", "complaint"),
    [
        (lambda claim: claim.holds(EXACT_FAIL), "does not hold"),
        (lambda claim: claim.rejects("wrong", EXACT_FAIL), "reject through the check"),
        (lambda claim: claim(is_four).holds(5), "does not hold"),
        (lambda claim: claim(is_four).rejects("wrong", 4), "accepts the wrong form"),
        (lambda claim: claim(is_four).rejects("other", 5), "not among rejects"),
        (
            lambda claim: claim.holds(dropcheck.Report(passed=True, method="enumeration")),
            "checked by enumeration",
        ),
    ],
)
def test_false_showing_fails(attempt, complaint):
    with pytest.raises(AssertionError, match=complaint):
        attempt(new_claim())


def test_rejects_must_be_a_tuple():
    with pytest.raises(pytest.UsageError, match="must be a tuple"):
        new_claim("wrong")


# The page: what a row says, and that it does not change from machine to machine.


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (
            dropcheck.Report(passed=True, method="identity", false_pass=3.8e-19),
            "false pass <= 3.8e-19",
        ),
        (dropcheck.Report(passed=True, method="enumeration", rounding=0.0), "exact"),
        (
            dropcheck.rate_test(699_800, 1_000_000, 0.7, wrong=0.6),
            "false alarm <= 1e-06, power >= 0.9999",
        ),
        (
            dropcheck.Report(passed=True, method="slope", estimate=3.0071, interval=(3, 3.1)),
            "order 3.01",
        ),
        (
            dropcheck.Report(passed=True, method="bound", cases=7, ratio=0.987),
            "7 cases, tightest ratio 0.99",
        ),
        (dropcheck.Report(passed=True, method="symbolic"), "passed"),
    ],
)
def test_trust_is_told_in_stable_numbers(report, said):
    assert build_ledger.trust(report) == said


def test_parameters_of_one_test_share_a_line():
    held = {"held": ["exact"]}
    claims = [
        {**evidence("identity"), **held, "test": f"t::test_a[{parameter}]"} for parameter in (1, 2)
    ]
    page = build_ledger.render([GOOD], claims, {"c": "Title"})
    assert page.count("**identity**: exact") == page.count("`test_a`") == 1
    assert "## Title" in page
    assert "[]{#ledger-thm-x}{prf:ref}`thm-x`: X (theorem, `thm-x`)" in page
