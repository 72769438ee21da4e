"""What the pages ask under the exercises of the chapter on today's systems."""

from .kinds import NUMBER, RATE, Choice, Formula, Numbers, fields

RATIO = "((k*m1 + d*(1 - m1))/e)"  # of the first token; the second has the complements
SECOND = "((1 - k*m1 - d*(1 - m1))/(1 - e))"
fields(
    "ex-systems-rollout",
    Formula(
        "The variance of the ratio, in k, d, e, p and q",
        {"k": NUMBER, "d": NUMBER, "e": NUMBER, "p": RATE},
        f"E(e*{RATIO}^2 + (1 - e)*{SECOND}^2) - E(e*{RATIO} + (1 - e)*{SECOND})^2",
        masks={"m": 1},
        right=(
            "(q*(k - e)^2 + p*(d - e)^2)/(e*(1 - e))",
            "q*(k-e)^2/(e*(1-e)) + p*(d-e)^2/(e*(1-e))",
            "((1-p)*(e-k)^2 + p*(e-d)^2)*(1/e + 1/(1-e))",
        ),
        wrong={
            "0": "The ratio is 1 on average and varies.",
            "(q*(k - e)^2 + p*(d - e)^2)/e": "The second token varies, too: 1/e + 1/(1 - e).",
            "p*q*(k - d)^2/(e*(1 - e))": "That is right only if e is the mean q k + p d.",
            "(p*(k - e)^2 + q*(d - e)^2)/(e*(1 - e))": "p and q are exchanged.",
        },
    ),
    Numbers(
        "At which p is it zero for every policy?",
        {"a": "p"},
        values=("0",),
        right=(("0",), ("0.0",), ("1 - 1",)),
        wrong={
            ("1",): "Then every unit is dropped and nothing is left to scale.",
            ("0.5",): "There the mask varies most.",
        },
    ),
)

fields(
    "ex-systems-behind",
    Formula(
        "What is added to the squared loss, in the 2 × 2 matrices A and B, x, c, p and q",
        {"A": "2x2", "B": "2x2", "x": 2, "c": NUMBER, "p": RATE},
        "E(sum((c*B*((A*x).*m)/q - c*B*(A*x)).^2))",
        masks={"m": 2},
        right=(
            "p/q*c^2*sum((B*diag(A*x)).^2)",
            "sum((c*B*diag(A*x)).^2)*p/(1-p)",
            "c^2*p/q*((A*x).^2)'*diag(B'*B)",
        ),
        wrong={
            "p/q*c^2*sum((B*A*diag(x)).^2)": "That is the penalty of a mask in front of A.",
            "p/q*c*sum((B*diag(A*x)).^2)": "The factor c is squared with the noise.",
            "p/q*c^2*sum((B*A*x).^2)": "Units are dropped one by one: square before you add.",
        },
    ),
)

fields(
    "ex-systems-workers",
    Formula(
        "The number K of workers with one seed, in N and the share r = ρ",
        {"N": (2, 3, 5, 8), "r": RATE},
        "N*(1 - r)/(1 - N*r)",
        right=("N*(1 - r)/(1 - N*r)", "(N - N*r)/(1 - N*r)", "(1 - r)/(1/N - r)"),
        wrong={
            "N": "With one seed the masks' part does not average out.",
            "N/(1 + (N - 1)*r)": "That many with own seeds have the variance of N with one.",
            "N/(1 - N*r)": "The share of the masks is counted once too often.",
        },
    ),
    Numbers(
        "From which N on is no number enough, at ρ = 0.05?",
        {"a": "N"},
        values=("20",),
        right=(("20",), ("1/0.05",), ("20.0",)),
        wrong={
            ("19",): "There K = 19 · 0.95 / 0.05 = 361 are enough.",
            ("0.05",): "That is ρ; N is 1/ρ.",
        },
    ),
)

fields(
    "ex-systems-window",
    Formula(
        "The factor for n equal activations, in n, p and q",
        {"n": (1, 2, 4, 6), "p": RATE},
        "(1 - p^n)/q",
        right=("(1 - p^n)/q", "(1 - p^n)/(1 - p)", "1/q - p^n/q"),
        wrong={
            "1": "The mean of one activation is kept, and that of the largest is not.",
            "1/q": "That is its limit: in a small window all may be dropped.",
            "1 - p^n": "You forgot the factor 1/q.",
            "(1 - q^n)/q": "All are dropped with probability p^n.",
        },
    ),
    Choice(
        "What does it tend to for large n?",
        right=("1/q",),
        wrong={"1": "The one that is kept is scaled up.", "q": "It is scaled up, not down."},
    ),
)

fields(
    "ex-systems-bits",
    Numbers(
        "The number of bits",
        {"b": "bits"},
        values=("14",),
        right=(("14",), ("14.0",), ("7*2",)),
        wrong={
            ("13",): "13 bits allow 1.2 per cent.",
            ("12",): "12 bits allow 2.4 per cent.",
            ("15",): "Those are more than needed: 14 bits allow 0.6 per cent.",
        },
    ),
)
