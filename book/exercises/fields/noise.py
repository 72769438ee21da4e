"""What the pages ask under the exercises of the chapter Noise."""

from .kinds import NUMBER, RATE, Formula, Numbers, fields

fields(
    "ex-noise-copies",
    Formula(
        "The sum of the weights divided by b/a, in k, p and q",
        {"k": (1, 2, 4), "p": RATE},
        "sum(inv(E(outer(m/q, m/q))))",
        masks={"m": "k"},
        right=("k/(k + p/q)", "k q/(k*q + p)", "1/(1 + p/(k*q))"),
        wrong={
            "1/(1 + p/q)": "That is one input: copies share the shrinkage.",
            "k/(k + p)": "You forgot 1/q: the penalty is p/q.",
            "1/(k + p/q)": "That is one weight; there are k of them.",
            "1": "That is least squares, without dropout.",
        },
    ),
)

fields(
    "ex-noise-constant",
    Formula(
        "The fitted intercept divided by the mean of y, in p and q",
        {"p": RATE},
        "E(m1/q)/E((m1/q)^2)",
        masks={"m": 1},
        right=("1 - p", "q", "1/(1 + p/q)"),
        wrong={
            "1": "A constant column is penalised like any other.",
            "1/q": "That is its reciprocal: the penalty shrinks.",
            "p": "p and q are exchanged.",
            "1/(1 + p)": "You forgot 1/q: the penalty is p/q.",
        },
    ),
)

fields(
    "ex-noise-poisson",
    Formula(
        "The exact penalty of a sample with two inputs, in z1, z2, p and q",
        {"z1": RATE, "z2": RATE, "p": "0.7*r"},
        "E(exp((m1*z1 + m2*z2)/q)) - exp(z1 + z2)",
        masks={"m": 2},
        hidden={"r": RATE},
        right=(
            "(p + q*exp(z1/q))*(p + q*exp(z2/q)) - exp(z1 + z2)",
            "(p + q e^(z1/q))(p + q e^(z2/q)) - e^(z1+z2)",
            "p^2 + p*q*(exp(z1/q) + exp(z2/q)) + q^2*exp((z1 + z2)/q) - exp(z1)*exp(z2)",
        ),
        wrong={
            "(p + q*exp(z1))*(p + q*exp(z2)) - exp(z1 + z2)": "You forgot 1/q: kept, it is z/q.",
            "(p + q*exp(z1/q))*(p + q*exp(z2/q))": "That is the mean; take exp(z1 + z2) away.",
            "q^2*exp((z1 + z2)/q) - exp(z1 + z2)": "Masks that drop a unit count as well: p e⁰.",
            "p/q/2*(z1^2 + z2^2)*exp(z1 + z2)": "That is the quadratic penalty, for small z.",
        },
        near=1e-7,
    ),
)

fields(
    "ex-noise-plateau",
    Formula(
        "The limit with k equal weights, in k and p",
        {"k": (1, 2, 3), "p": RATE},
        "p^k*log(2)",
        right=("p^k*log(2)", "p^k ln(2)", "log(2^(p^k))"),
        wrong={
            "p*log(2)": "That is one weight: now all k must be dropped.",
            "q^k*log(2)": "p and q are exchanged: what is left is the mask that drops all.",
            "p^k": "The loss at the output 0 is log 2.",
            "k*p*log(2)": "The probability that all are dropped is a product.",
        },
    ),
)

fields(
    "ex-noise-threshold",
    Formula(
        "The threshold, in lambda, the number n of singular values above it and their sum A",
        {"lambda": NUMBER, "n": (1, 2, 5), "A": NUMBER},
        "lambda*A/(1 + lambda*n)",
        right=("lambda*A/(1 + lambda*n)", "A/(1/λ + n)", "λ (A - n*λ*A/(1 + λ*n))"),
        wrong={
            "lambda*A": "The sum is that of what is left, Σ(α_k − t), not of α_k.",
            "lambda/2": "That is for the nuclear norm, not for its square.",
            "A/(1 + lambda*n)": "A factor λ is missing.",
            "lambda*A/(1 + lambda)": "All n values above it are shrunk.",
        },
    ),
)

fields(
    "ex-noise-per-sample",
    Numbers(
        "The covariance matrix of one step's noise at p = 1/2",
        {
            "a": "Row 1, column 1",
            "b": "Row 1, column 2",
            "c": "Row 2, column 1",
            "d": "Row 2, column 2",
        },
        values=("3/8", "-1/8", "-1/8", "3/8"),
        tolerance=1e-3,
        right=(
            ("0.375", "-0.125", "-0.125", "0.375"),
            ("3/8", "-1/8", "-1/8", "3/8"),
            ("3/8", "-(1/8)", "-0.125", "6/16"),
        ),
        wrong={
            ("1", "0", "0", "1"): "The noise of the two inputs is correlated, and smaller.",
            (
                "0",
                "0",
                "0",
                "0",
            ): "With one mask for all samples it is zero, not with one for each.",
            ("3/8", "1/8", "1/8", "3/8"): "The sign: no sample moves both weights at once.",
        },
    ),
)
