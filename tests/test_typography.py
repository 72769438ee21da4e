"""What a browser may not part and what it may, and that nothing but the parting changes."""

import pytest
from docutils import nodes

from book.extensions.typography import (
    NO_BREAK_SPACE,
    keep_numbers,
    keep_punctuation,
    part_names,
)


def paragraph(*parts):
    """A document of one paragraph: a string is text, a string in a list a formula."""
    made = [nodes.math("", p[0]) if isinstance(p, list) else nodes.Text(p) for p in parts]
    document = nodes.document(None, None)
    document += nodes.paragraph("", "", *made)
    return document


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        (("with ", ["x"], ", and"), ["x,"]),
        (("all ", ["T"], "-tuples"), ["T-"]),
        (("(", ["x"], ").  So"), ["(x)."]),
        (("the “", ["n"], "” of ", ["m"], " units"), ["“n”"]),
        ((["x"], ", ", ["y"], "."), ["x,", "y."]),
        ((["x"], ". ", ["x"], ". ", ["y"], " is. ", ["z"], ". "), ["x.", "x.", "z."]),
        (("and ", ["x"], " alone"), []),
        ((["x"],), []),
    ],
)
def test_formula_stays_with_its_punctuation(parts, kept):
    document = paragraph(*parts)
    before = document.astext()
    keep_punctuation(document)
    found = [node.astext() for node in document.findall(nodes.inline) if "keep" in node["classes"]]
    assert found == kept
    assert document.astext() == before


def test_number_stays_with_its_per_cent_sign():
    document = paragraph("3 % of ", ["3 % 2"], "3 % of ", ["x"], " and 5 %")
    document += nodes.literal_block("", "3 % 2")
    keep_numbers(document)
    three, five = f"3{NO_BREAK_SPACE}% of ", f" and 5{NO_BREAK_SPACE}%"
    assert document.astext() == f"{three}3 % 2{three}x{five}\n\n3 % 2"


def test_texts_of_the_same_words_are_not_confused():
    document = paragraph(["x"], ".")
    document[0].insert(0, [nodes.emphasis("", "a"), nodes.Text(".")])
    keep_punctuation(document)
    assert document.astext() == "a.x."
    assert [node.astext() for node in document.findall(nodes.inline)] == ["x."]


def test_a_name_of_code_is_parted_behind_a_low_line():
    name = '<a title="a_b"><code><span class="pre">{}</span></code></a> a_b'
    whole, parted = "test_of.__init__(x_)", "test_<wbr>of.__init__(x_)"
    assert part_names(name.format(whole)) == name.format(parted)
