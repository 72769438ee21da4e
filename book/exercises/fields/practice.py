"""What the pages ask under the exercises of the chapter Practice."""

from .kinds import RATE, Checklist, Formula, fields

fields(
    "ex-practice-relu",
    Formula(
        "The ratio of the variances, in p and q",
        {"p": RATE},
        "(1/2 - 1/(2*pi))/(1/(2*q) - 1/(2*pi))",  # a rectified normal: mean 1/√(2π), square 1/2
        right=("(1-p)/(1 + p/(pi-1))", "q*(π-1)/(π - q)", "(pi - 1)/(pi/q - 1)"),
        wrong={
            "q": "That is for a unit without a mean.",
            "q/(1 + p/pi)": "c²/v is 1/(π − 1).",
            "1/(1 + p/(q*(pi - 1)))": "The variance is multiplied by 1/q, too.",
            "(pi/q - 1)/(pi - 1)": "That is its reciprocal.",
        },
        near=1e-6,
    ),
)

fields(
    "ex-practice-half",
    Formula(
        "The square of c, in v and p",
        {"p": RATE, "v": RATE},
        "v/p",
        right=("v/p", "v*p^-1", "v/(1-q)"),
        wrong={
            "v": "That is the answer for p → 1 only.",
            "v/q": "p and q are exchanged.",
            "v/p^2": "Once p is enough.",
            "p*v": "That is turned round: the smaller p, the larger c must be.",
        },
    ),
)

fields(
    "ex-practice-seeds",
    Checklist(
        (
            "The spread is that of the paired differences, not of the arms.",
            "The standard error is the spread divided by the root of the number of seeds.",
            "A quarter of the gain needs 16 times (spread / gain)² seeds, rounded up.",
        )
    ),
)
fields(
    "ex-practice-paired",
    Checklist(
        (
            "Unpaired, the variances of both arms are added.",
            "Paired, twice their covariance is taken away.",
            "The ratio of the two standard errors is given as a number.",
        )
    ),
)
fields(
    "ex-practice-holm",
    Checklist(
        (
            "The contrasts below 5 % are counted before the correction.",
            "If all contrasts were zero, 5 % of them would be asserted on average.",
            "It says that this is an expectation, whether the tests depend on each other or not.",
        )
    ),
)
fields(
    "ex-practice-control",
    Checklist(
        (
            "At p = 0 no unit is dropped in training and none at inference.",
            "So all arms are the same computation, and each metric has one value in all arms.",
            "A difference between arms would be a fault of the program.",
        )
    ),
)
