"""What the pages ask under the exercises of the chapter Implementation."""

from .kinds import RATE, Checklist, Choice, Code, Formula, Numbers, fields

fields(
    "ex-implementation-words",
    Numbers(
        "Random bytes a unit, to six decimals, if only tied units are drawn again",
        {"a": "to base 256", "b": "to base 65536"},
        values=("256/255", "2*65536/65535"),
        tolerance=1e-6,
        right=(
            ("256/255", "131072/65535"),
            ("1.0039216", "2.0000305"),
            ("1/(1 - 1/256)", "2/(1 - 1/65536)"),
        ),
        wrong={
            ("1", "2"): "A tie needs another digit: a little more than that.",
            ("257/256", "2"): "After a tie the next digit may tie again: sum the geometric series.",
            ("256/255", "65536/65535"): "A digit to base 65536 takes two bytes.",
        },
    ),
)

BOTH = "(f^2 + 2*f*u + u)/b^2"  # two digits below f drop; a tie drops with probability u
fields(
    "ex-implementation-together",
    Formula(
        "The covariance of the drop indicators, in u and b",
        {"u": RATE, "b": (2, 16, 256)},
        f"{BOTH} - ((f + u)/b)^2",
        hidden={"f": RATE},
        right=("u(1-u)/b^2", "(u - u^2)/b^2", "u/b^2 - (u/b)^2"),
        wrong={
            "u*(1 - u)/b": "Both units must be tied, each with 1/b.",
            "u/b^2": "That is not yet a covariance: the product of the means is missing.",
            "u*(1 - u)": "That is given that both are tied, which is rare.",
            "0": "They share a digit: they are not independent.",
        },
    ),
)

fields(
    "ex-implementation-double",
    Choice(
        "The event has exactly probability p for the doubles p with",
        ("p · 2⁵³ a whole number",),
        {
            "p ≥ 1/2 only": "Half of the doubles in [1/4, 1/2) are exact as well.",
            "any value": "Below 1/2 there are doubles between two multiples of 2⁻⁵³.",
            "p ≥ 1/4": "In [1/4, 1/2) it is half of them.",
        },
    ),
)

fields(
    "ex-implementation-half",
    Numbers(
        "The factor 1/q for p = 0.99999, before it is rounded",
        {"a": "1/q"},
        values=("100000",),
        tolerance=1e-3,
        right=(("100000",), ("1e5",), ("1/0.00001",)),
        wrong={
            ("65504",): "That is the largest finite number; 1/q is beyond it.",
            ("99999",): "That is p/q.",
        },
    ),
    Checklist(
        (
            "1/q is larger than 65504 and becomes infinite.",
            "A kept unit is infinite then, and a dropped one 0 · ∞, no number.",
            "The NumPy layer computes in higher precision and rounds once, at the end.",
        )
    ),
)

fields(
    "ex-implementation-schedule",
    Formula(
        "The rate at step t, in p, t and s (for steps); min(a, b) is the smaller",
        {"p": RATE, "s": (1, 4, 10), "t": (0, 1, 3, 4, 9, 12)},
        "p*(1 - cos(pi*min(t/s, 1)))/2",
        right=(
            "p*(1 - cos(pi*min(t/s, 1)))/2",
            "p/2 - p/2*cos(π*min(1, t/s))",
            "p*sin(pi*min(t, s)/(2*s))^2",
        ),
        wrong={
            "p*min(t/s, 1)": "That is a straight line.",
            "p*(1 - cos(pi*t/s))/2": "Beyond the last step it must stay: take min(t/s, 1).",
            "p*(1 + cos(pi*min(t/s, 1)))/2": "That falls from p to 0.",
            "p*sin(pi*min(t/s, 1)/2)": "That is a quarter of a sine: it starts too fast.",
        },
    ),
    Code("Then write it as a function of p and steps that returns a function of t, and set it"),
)

fields(
    "ex-implementation-passes",
    Numbers(
        "The number of passes",
        {"a": "T"},
        measures=("1/sqrt(a)",),
        values=("0.05",),
        tolerance=1e-4,
        right=(("400",), ("1/0.05^2",), ("20^2",)),
        wrong={
            ("20",): "The standard error falls with the root of T: square it.",
            ("100",): "That is ten per cent.",
            ("1600",): "That is two and a half per cent.",
        },
    ),
)
