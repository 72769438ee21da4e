"""What the pages ask under the exercises of the chapter on sequences, graphs and tokens."""

from .kinds import NUMBER, RATE, Choice, Formula, fields

fields(
    "ex-sequences-scale",
    Formula(
        "The factor s, in T, p and q",
        {"T": (1, 2, 5, 12), "p": RATE},
        "q^(-1/T)",
        right=("q^(-1/T)", "(1/q)^(1/T)", "(1-p)^(-1/T)"),
        wrong={
            "1/q": "That is right for one step; here the same mask is met T times, and m^T = m.",
            "q^(-T)": "The factor is applied T times: its T-th power has to be 1/q.",
            "q^(1/T)": "That is its reciprocal.",
            "1": "The mean would be q w^T h.",
        },
    ),
    Choice(
        "Can one number serve all T?",
        right=("no",),
        wrong={"yes": "At q = 1/2 it is 2 for one step and 1.41 for two."},
    ),
)

fields(
    "ex-sequences-keys",
    Formula(
        "The mean attention on the token itself, in n, p and q",
        {"n": (2, 3, 5), "p": RATE},
        "(1 - p^n)/(n*q)",
        right=("(1 - p^n)/(n*q)", "(1 - p^n)/(n*(1 - p))", "1/n*(1/q - p^n/q)"),
        wrong={
            "1/n": "That is the attention without masks: the mean of a ratio is another.",
            "1/(1 + (n - 1)*q)": "That is the ratio of the means.",
            "(1 - p^(n - 1))/((n - 1)*q)": "The token itself is one of the n.",
        },
    ),
)

fields(
    "ex-sequences-null",
    Formula(
        "The guided output, in s, p, q, the probability c of the null's condition, its mean a, "
        "the mean m of all, and the mean t of the condition that is asked for",
        {"s": NUMBER, "p": RATE, "c": RATE, "a": NUMBER, "m": NUMBER, "t": NUMBER},
        "s*t + (1 - s)*(q*c*a + p*m)/(q*c + p)",
        right=(
            "s*t + (1 - s)*(q*c*a + p*m)/(q*c + p)",
            "(q*c*a + p*m)/(q*c + p) + s*(t - (q*c*a + p*m)/(q*c + p))",
            "s*t + (1 - s)*((1-p)*c*a + p*m)/((1-p)*c + p)",
        ),
        wrong={
            "s*t + (1 - s)*m": "That is so with a null of its own.",
            "s*t + (1 - s)*a": "The null is also fitted to rows whose condition was dropped.",
            "s*t + (1 - s)*(q*a + p*m)": "The condition occurs with probability c only.",
        },
    ),
)
