"""What the pages ask under the exercises of the chapter Formulation."""

from .kinds import RATE, Formula, Numbers, fields

fields(
    "ex-formulation-skewness",
    Formula(
        "The third central moment of m/q, in p and q",
        {"p": RATE},
        "E((m1/q - 1)^3)",
        masks={"m": 1},
        right=(
            "p(2p-1)/(1-p)^2",
            "p(p-q)/q^2",
            "p^3/q^2 - p",
            "p*(2*p - 1)*(1-p)^-2",
        ),
        wrong={
            "p*(1 - 2*p)/q^2": "The sign is turned round: a dropped unit has m/q − 1 = −1.",
            "p*(2*p - 1)/q": "You forgot a factor 1/q; the third power brings 1/q³.",
            "p*q*(2*p - 1)": "That is the moment of m without the factor: you forgot 1/q³.",
            "(2*p - 1)/sqrt(p*q)": "That is the skewness, divided by (p/q)^(3/2).",
            "p/q": "That is the variance, the second moment.",
            "E((m1/q)^3)": "That is the third moment about 0; take the mean 1 away first.",
        },
    ),
)

fields(
    "ex-formulation-covariance",
    Formula(
        "The covariance matrix of W x~, in W, x, p and q; W' is the transpose",
        {"W": "2x3", "x": 3, "p": RATE},
        "Cov(W*(m.*x)/q)",
        masks={"m": 3},
        right=(
            "p/q * W * diag(x^2) * W'",
            "(W*diag(x.^2)*W')*p/(1-p)",
            "(p/q) W diag(x) diag(x) W'",
            "W*diag(p/q*x^2)*transpose(W)",
        ),
        wrong={
            "p*q*W*diag(x^2)*W'": "That is the covariance without the factor: you forgot 1/q².",
            "diag(diag(p/q*W*diag(x^2)*W'))": "The outputs share the mask: they are correlated.",
            "p/q*W*x*x'*W'": "The mask's entries are independent: diag(x²), not x xᵀ.",
            "p/q*W*W'": "The inputs are missing: put diag(x²) between W and its transpose.",
            "W*diag(x^2)*W'/q": "1/q is the factor of the second moment; a variance has p/q.",
            "p/q*W*diag(x)*W'": "A variance is quadratic in x.",
        },
    ),
)

fields(
    "ex-formulation-silent",
    Formula(
        "The probability that at least one of B rows is silent, in n, B and p",
        {"n": (1, 2, 3), "B": (1, 2), "p": RATE},
        "E(1 - min(rowmax(reshape(m, [B, n]))))",
        masks={"m": "n*B"},
        right=("1 - (1 - p^n)^B", "1-(1-p^n)^(B-1)(1-p^n)", "1 - (1 - (1-q)^n)^B"),
        wrong={
            "B*p^n": "That is an upper bound: rows that are silent together are counted twice.",
            "1 - (1 - q^n)^B": "A silent row has every unit dropped: pⁿ, not qⁿ.",
            "(1 - p^n)^B": "That is the probability that no row is silent.",
            "p^n": "That is one row; ask for B of them.",
            "p^(n*B)": "That is the probability that all rows are silent.",
            "1 - (1 - p^B)^n": "n and B are exchanged: that is a unit dropped in every row.",
        },
    ),
    Numbers(
        "The smallest number of units for less than one in a million, at B = 256 and p = 1/2",
        {"n": "Units"},
        values=("28",),
        right=(("28",), ("28.0",), ("2*14",)),
        wrong={
            ("20",): "That is for one row; there are 256.",
            ("27",): "With 27 units it is still almost two in a million.",
            ("29",): "It is enough, and one unit more than needed.",
        },
    ),
)

fields(
    "ex-formulation-recipe",
    Numbers(
        "The settings for `torch.nn.Dropout`",
        {
            "p": "p of nn.Dropout",
            "r": "Rate",
            "l": "Penalty",
            "m": "Momentum",
            "s": "Initial weights times",
        },
        values=("0.2", "0.8^2*0.1", "0.001/0.8^2", "0.9", "0.8"),
        tolerance=1e-9,
        right=(
            ("0.2", "0.064", "0.0015625", "0.9", "0.8"),
            ("1-0.8", "0.8^2/10", "0.001/0.64", "9/10", "4/5"),
            ("1/5", "6.4e-2", "1/640", "0.90", ".8"),
        ),
        wrong={
            ("0.8", "0.064", "0.0015625", "0.9", "0.8"): "PyTorch's p is the probability to drop.",
            ("0.2", "0.1", "0.0015625", "0.9", "0.8"): "The rate changes, by q²: the weights are "
            "q times as large, and the gradient is 1/q times.",
            ("0.2", "0.08", "0.0015625", "0.9", "0.8"): "The rate takes q twice: once for the "
            "weights, once for the gradient.",
            ("0.2", "0.064", "0.001", "0.9", "0.8"): "Rate times penalty must stay: the penalty "
            "is divided by q².",
            ("0.2", "0.064", "0.0015625", "0.576", "0.8"): "Momentum has no unit: it stays.",
            ("0.2", "0.064", "0.0015625", "0.9", "1"): "The weights start q times as large.",
        },
    ),
)

fields(
    "ex-formulation-shared-mask",
    Formula(
        "The mean with one mask used twice, in v, W, x, p and q; v' is the transpose",
        {"v": 2, "W": "2x2", "x": 2, "p": RATE},
        "E(v'*(m.*(W*(m.*x))))/q^2",
        masks={"m": 2},
        right=(
            "v'*W*x + p/q*v'*(diag(W).*x)",
            "v'W x + p/(1-p) * sum(v.*diag(W).*x)",
            "v'*(W + p/q*diag(diag(W)))*x",
        ),
        wrong={
            "v'*W*x": "That is the mean for two independent masks: m_i² = m_i has been forgotten.",
            "v'*W*x/q": "Only the diagonal of W comes out 1/q times as large.",
            "v'*W*x + p*v'*(diag(W).*x)": "You forgot 1/q in the second term.",
            "v'*W*x + v'*(diag(W).*x)/q": "v'Wx holds the diagonal already: p/q more, not 1/q.",
            "p/q*v'*(diag(W).*x)": "That is the difference from v'Wx; add this.",
        },
    ),
)

fields(
    "ex-formulation-relu-gap",
    Formula(
        "The gap E f(x~) − f(x), for w x > 0 and b < 0 < w x + b",
        {"w": RATE, "x": RATE, "b": "-s*w*x", "p": RATE},
        "E(max(0, w*m1*x/q + b)) - max(0, w*x + b)",
        masks={"m": 1},
        hidden={"s": RATE},
        right=("-p b", "(q-1)b", "q*(w*x/q + b) - w*x - b"),
        wrong={
            "p*b": "The sign: b is negative, and the gap is positive.",
            "0": "The ReLU is off when the unit is dropped, so that inference is not the mean.",
            "-b": "That is the limit for p → 1.",
            "q*b": "That is E f − w x; take away the bias of f as well.",
            "w*x + q*b": "That is E f; take f(x) away.",
            "-q*b": "p and q are exchanged.",
        },
    ),
)

fields(
    "ex-formulation-bits",
    Numbers(
        "The mean number of bits",
        {"a": "p with a long expansion", "b": "p = 1/2"},
        values=("2", "1"),
        tolerance=1e-12,
        right=(("2", "1"), ("2.0", "1.0"), ("1/(1-1/2)", "2/2")),
        wrong={
            ("2", "2"): "At p = 1/2 the first bit decides: there are no more digits to compare.",
            ("1", "1"): "With probability 1/2 the first bit ties, and the next is needed.",
            ("64", "1"): "That is a double per unit; digits one at a time stop early.",
        },
    ),
)
