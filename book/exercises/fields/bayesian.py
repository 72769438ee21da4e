"""What the pages ask under the exercises of the chapter Bayesian."""

from .kinds import NUMBER, RATE, Checklist, Choice, Formula, Numbers, fields

fields(
    "ex-bayesian-passes",
    Numbers(
        "Numbers of passes for a relative error of the standard deviation",
        {"a": "of 10 %", "b": "of 1 %"},
        measures=("sqrt(2/(a - 1))/2*10", "sqrt(2/(b - 1))/2*100"),
        values=("1", "1"),
        tolerance=0.03,
        right=(("51", "5001"), ("50", "5000"), ("1 + 1/(2*0.1^2)", "1 + 1/(2*0.01^2)")),
        wrong={
            ("201", "20001"): "That is for the variance: a root halves a relative error.",
            ("101", "10001"): "The relative error of s is half of that of the variance.",
            ("26", "2501"): "The factor 2 of the variance 2V²/(T - 1) is lost.",
        },
    ),
)

fields(
    "ex-bayesian-mask-entropy",
    Formula(
        "The bound on the information in nats, in n, p and q",
        {"n": (1, 2, 5), "p": RATE},
        "-E(log(P))",
        masks={"m": "n"},
        right=("-n*(p*log(p) + q*log(q))", "n*(p ln(1/p) + q ln(1/q))", "-n p ln(p) - n q ln(q)"),
        wrong={
            "n*log(2)": "That is the bound at p = 1/2, where it is largest.",
            "-n*p*log(p)": "A kept unit tells something, too: q log q is missing.",
            "-n*(p*log2(p) + q*log2(q))": "These are bits; the chapter counts in nats.",
            "-(p*log(p) + q*log(q))": "That is one unit; there are n.",
            "n*(p*log(p) + q*log(q))": "The sign: logarithms of probabilities are negative.",
        },
    ),
)

fields(
    "ex-bayesian-smoothing",
    Formula(
        "What is added to the expected squared error, in K, sigma and x",
        {"K": (1, 2, 3), "sigma": NUMBER, "x": 2},
        "U(sum((reshape(sigma*(2*m - 1), [K, 2])*x).^2))",
        masks={"m": "2*K"},
        right=("K*sigma^2*dot(x, x)", "K σ² x'x", "sigma^2*K*sum(x^2)"),
        wrong={
            "sigma^2*dot(x, x)": "That is one output; there are K.",
            "K*sigma^2": "The noise on the weights meets the inputs: |x|² is missing.",
            "K*sigma*dot(x, x)": "A variance is the square of the width.",
            "2*K*sigma^2": "Each weight counts by the square of its input.",
        },
    ),
)

fields(
    "ex-bayesian-falling-rate",
    Formula(
        "The c of p = c/N, in x, S, tau and the limit w of the weights (3 inputs)",
        {"x": 3, "S": "A*A' + diag([1; 1; 1])", "w": 3, "tau": NUMBER},
        "dot(x, inv(S)*x)/(tau*sum((w.*x).^2))",
        hidden={"A": "3x3"},
        right=(
            "x'*inv(S)*x/(tau*sum((w.*x)^2))",
            "dot(x, inv(S)*x)/tau/dot(w.*x, w.*x)",
            "x' inv(S) x / (τ*sum(w^2.*x^2))",
        ),
        wrong={
            "dot(x, inv(S)*x)/sum((w.*x).^2)": "The precision tau is missing.",
            "dot(x, S*x)/(tau*sum((w.*x).^2))": "The posterior's variance has the inverse of S.",
            "dot(x, inv(S)*x)/(tau*dot(w, x)^2)": "Masks are independent: squares are summed.",
            "tau*sum((w.*x).^2)/dot(x, inv(S)*x)": "That is its reciprocal.",
        },
    ),
)

fields(
    "ex-bayesian-activations",
    Choice(
        "The statement holds for all weights with",
        ("absolute value", "softplus", "identity", "leaky ReLU"),
        {
            "ELU": "The square of ELU bends downwards: left of 0 it tends to 1.",
            "tanh": "The square of tanh bends downwards: it tends to 1 on both sides.",
        },
        several=True,
    ),
)

fields(
    "ex-bayesian-score",
    Checklist(
        (
            "The logarithm is concave: Jensen's inequality is named, and its direction.",
            "An average over T + 1 passes is a mean of averages over T of them.",
            "So the mean score does not fall when T grows.",
            "The comparison favours the method with more passes.",
        )
    ),
)
