"""What the pages ask under the exercises of the chapter Mistakes in circulation."""

from .kinds import RATE, Choice, Formula, Numbers, fields

fields(
    "ex-mistakes-realised",
    Formula(
        "The mean of an output for inputs of 1, in n, p and q",
        {"n": (1, 2, 3, 5), "p": RATE},
        "E(m1*n/max(1, sum(m)))",
        masks={"m": "n"},
        right=("1 - p^n", "1 - (1-q)^n", "-(p^n) + 1"),
        wrong={
            "1": "The mask that keeps nothing puts out 0.",
            "q": "That is one unit, and the mean without any factor.",
            "1 - q^n": "p and q are exchanged: the mask that drops all has pⁿ.",
        },
    ),
)

fields(
    "ex-mistakes-no-grad",
    Choice(
        "Inside `torch.no_grad()`, without `eval()`, dropout is",
        ("on: the mode of the layer decides",),
        {
            "off: there is no gradient": "no_grad records no gradient; it does not set a mode.",
            "off in the forward pass only": "The forward pass is all there is, and it is masked.",
        },
    ),
)

fields(
    "ex-mistakes-below",
    Numbers(
        "The sum of w_j² times the mean of x_j²",
        {"a": "Sum"},
        measures=("0.3/0.7*a",),
        values=("0.5",),
        tolerance=1e-3,
        right=(("7/6",), ("1.1667",), ("0.5*0.7/0.3",)),
        wrong={
            ("0.5*0.3/0.7",): "Divide by p/q instead: the gap is p/q times the sum.",
            ("0.5",): "The gap is p/q times the sum.",
            ("0.5/0.3",): "You forgot q: the variance is p/q.",
        },
    ),
)

fields(
    "ex-mistakes-half",
    Numbers(
        "A value of p to put into a test, in (0, 1) and more than 0.05 from the one that hides",
        {"a": "p"},
        # None of the coincidences of one half, and both ends left out.
        measures=("(a > 0) * (a < 1) * (abs(a - 0.5) > 0.05)",),
        values=("1",),
        right=(("0.3",), ("1/5",), ("0.8",)),
        wrong={
            ("0.5",): "At one half p = q and p/q = 1: factors that are exchanged agree.",
            ("0",): "At 0 nothing is dropped: q, 1/q and 1/q² are all 1.",
            ("1",): "At 1 nothing is kept.",
        },
    ),
)

fields(
    "ex-mistakes-passes",
    Numbers(
        "The first T",
        {"a": "T"},
        values=("50",),
        right=(("50",), ("50.0",), ("49 + 1",)),
        wrong={
            ("49",): "There the difference is still a little more than one per cent.",
            ("100",): "The root halves a small share: T ≥ 50 is enough.",
            ("51",): "That is one more than needed.",
        },
    ),
)

fields(
    "ex-mistakes-find",
    Choice(
        "Of the four tests the layer fails",
        (
            "the second: inference gives q times the input",
            "the fourth: at p = 1 the quotient is 0/0",
        ),
        {
            "the first: two passes are the same": "A new mask is drawn in every call.",
            "the third: the mean is not the input's": "In training, where it looks, it is.",
        },
        several=True,
    ),
)
