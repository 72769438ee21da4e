"""What the pages ask under the exercises of the chapter Ensemble."""

from .kinds import RATE, Checklist, Formula, Numbers, fields

fields(
    "ex-ensemble-typical",
    Numbers(
        "The number of masks of 20 units that hold 99 % of probability",
        {"a": "p = 0.5", "b": "p = 0.2", "c": "p = 0.05"},
        values=("1038091", "263847", "3497"),
        right=(
            ("1038091", "263847", "3497"),
            ("1038091.0", "263847.0", "3497.0"),
            ("2^20 - 10485", "263847", "3500 - 3"),
        ),
        wrong={
            ("1048576", "1048576", "1048576"): "That is all of them; 1 % may be left out.",
            ("1038091", "1038091", "1038091"): "Only at p = 1/2 have all masks one probability.",
            ("1048576", "22205", "53"): "That is 2^(n H): the typical number, not 99 %.",
        },
    ),
)

fields(
    "ex-ensemble-unweighted",
    Formula(
        "The factor for one unit, in p and q",
        {"p": RATE},
        "U(m1)/E(m1)",
        masks={"m": 2},
        right=("1/(2q)", "1/2/(1-p)", "(2 - 2p)^-1"),
        wrong={
            "2*q": "That is its reciprocal: unweighted, half of the masks keep the unit.",
            "1/2": "That is the unweighted mean of m; compare it with the weighted one, q.",
            "1/q": "Unweighted, half of the masks keep the unit: 1/2, not 1.",
            "1/(2*p)": "p and q are exchanged.",
        },
    ),
    Formula(
        "The factor for the product of two units, in p and q",
        {"p": RATE},
        "U(m1*m2)/E(m1*m2)",
        masks={"m": 2},
        right=("1/(4q^2)", "(1/(2q))^2", "1/4*(1-p)^-2"),
        wrong={
            "1/(2*q)": "That is the factor of one unit: a product needs both.",
            "4*q^2": "That is its reciprocal.",
            "1/(2*q^2)": "A quarter of the masks keep both units, not half of them.",
        },
    ),
)

fields(
    "ex-ensemble-steep",
    Numbers(
        "The smallest |w| beyond which the quoted form is violated",
        {"w": "|w|"},
        values=("4*log(1+sqrt(2))",),
        tolerance=1e-3,
        right=(("4 ln(1+sqrt(2))",), ("3.5255",), ("4*log(1 + 2^0.5)",)),
        wrong={
            ("2*log(1+sqrt(2))",): "That is w/2: the slope is taken at w/2.",
            ("4",): "The slope 1/8 is not that of the tangent at 0.",
        },
    ),
)

fields(
    "ex-ensemble-passes",
    Numbers(
        "Passes for a root mean square error of 0.01",
        {"a": "For every ensemble", "b": "For a mean below 0.05"},
        values=("2500", "475"),
        right=(("2500", "475"), ("0.25/0.01^2", "0.05*0.95/0.01^2"), ("2500.0", "475.0")),
        wrong={
            ("2500", "500"): "The largest variance at a mean of 0.05 is 0.05 · 0.95.",
            ("10000", "475"): "The largest variance of a probability is 1/4, not 1.",
            ("2500", "2500"): "A mean below 0.05 leaves less room for the variance.",
        },
    ),
)

fields(
    "ex-ensemble-normal",
    Checklist(
        (
            "The log of the density is −(y − f_m)²/(2s²) and a constant, and its mean is taken.",
            "What depends on y is −(y − f̄)²/(2s²): the spread of f_m adds a constant only.",
            "Weight scaling is exact where its output is f̄, as for affine subnetworks.",
            "The arithmetic mean is a mixture of normal densities, its variance s² and the spread.",
        )
    ),
)
fields(
    "ex-ensemble-side",
    Checklist(
        (
            "At p = 1/2 the law of S is symmetric about its mean.",
            "Pairs that mirror each other are averaged first.",
            "For each pair the mean of σ lies between 1/2 and σ of the mean.",
            "For other p a counterexample is given, with numbers.",
        )
    ),
)
fields(
    "ex-ensemble-log-loss",
    Checklist(
        (
            "The logarithm of the geometric mean is the mean of the logarithms.",
            "D is the logarithm of the normalising sum, with its sign.",
            "The sum of P(m) KL is reduced to D, and so D ≥ 0.",
            "For softmax regression the scaled network is this mean: its loss is at most the mean "
            "loss of the subnetworks.",
        )
    ),
)
