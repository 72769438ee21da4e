"""What the pages ask under the exercises of the chapter Variants."""

from .kinds import NUMBER, RATE, Formula, Numbers, fields

fields(
    "ex-variants-sequence",
    Formula(
        "The variance of the sum for a fresh mask each step, in x (4 steps), p and q",
        {"x": 4, "p": RATE},
        "Var(sum(m.*x)/q)",
        masks={"m": 4},
        right=("p/q*sum(x^2)", "p/(1-p)*dot(x, x)", "(1/q - 1) x'x"),
        wrong={
            "p/q*sum(x)^2": "That is for one mask a sequence.",
            "p*q*sum(x^2)": "That is the variance without the factor: you forgot 1/q².",
            "sum(x^2)/q": "That adds up second moments: take off the squared means.",
        },
    ),
    Formula(
        "And for one mask a sequence",
        {"x": 4, "p": RATE},
        "Var(m1*sum(x)/q)",
        masks={"m": 1},
        right=("p/q*sum(x)^2", "p/(1-p)*sum(x)*sum(x)", "(1/q - 1)*sum(x)^2"),
        wrong={
            "p/q*sum(x^2)": "That is for a fresh mask each step: one mask adds before it squares.",
            "p*q*sum(x)^2": "That is the variance without the factor: you forgot 1/q².",
            "p/q*4*sum(x^2)": "That holds where all x_t are alike.",
        },
    ),
)

fields(
    "ex-variants-depth",
    Formula(
        "The expected number of survivors, in L and q (for q_L)",
        {"L": (2, 3, 5, 12), "q": RATE},
        "sum(map(1:L, f(l) = 1 - (l - 1)*(1 - q)/(L - 1)))",
        right=("L - L*(1-q)/2", "L(1+q)/2", "L/2 + L q/2"),
        wrong={
            "L - (L + 1)*(1 - q)/2": "That is the paper's rule, which drops the first block, too.",
            "L*q": "Only the last block survives with q_L.",
            "L - (L - 1)*(1 - q)/2": "The mean of the rates is (1 − q_L)/2, for all L blocks.",
        },
    ),
)

STEPS = "[1;2;3;4;5;6;7;7;6;5;4;3;2;1]"  # positions of a block that reach a row of the map
fields(
    "ex-variants-dropblock",
    Numbers(
        "The seed rate gamma",
        {"a": "gamma"},
        measures=(f"1 - mean((1 - a).^outer({STEPS}, {STEPS}))",),
        values=("0.25",),
        tolerance=1e-4,
        right=(("0.0194",), ("1.94e-2",), ("194/10000",)),
        wrong={
            ("0.3103",): "That is the nominal p: its seed rate is asked for.",
            ("0.25",): "That is the share of units; each seed drops up to 49 of them.",
            ("0.01562",): "That is the usual formula, which does not count that blocks overlap.",
        },
    ),
)

AFTER = "m1*mu + (1 - m1)*d"
fields(
    "ex-variants-alpha",
    Formula(
        "The mean, in mu, p, q and the a of alpha dropout (its b is −a p d, where d is α')",
        {"mu": NUMBER, "p": RATE, "a": NUMBER, "d": NUMBER},
        f"a*E({AFTER}) - a*p*d",
        masks={"m": 1},
        right=("a*q*mu", "a(1-p)μ", "mu*a - a*p*mu"),
        wrong={
            "mu": "That holds for μ = 0 only.",
            "a*mu": "The unit is kept with probability q.",
            "a*q*mu + a*p*d": "That is before b is added, which takes the second term away.",
        },
    ),
    Formula(
        "The variance, in mu, nu, p, q, a and d",
        {"mu": NUMBER, "nu": NUMBER, "p": RATE, "a": NUMBER, "d": NUMBER},
        f"a^2*(E(m1*(nu + mu^2) + (1 - m1)*d^2) - E({AFTER})^2)",
        masks={"m": 1},
        right=(
            "a^2*(q*nu + p*q*(mu - d)^2)",
            "a² q (ν + p(μ-d)^2)",
            "a^2*q*nu + a^2*p*(1-p)*(mu^2 - 2*mu*d + d^2)",
        ),
        wrong={
            "a^2*q*nu": "Kept and dropped units have different means: p q (μ − d)² is missing.",
            "a^2*(q*nu + p*q*d^2)": "That is for μ = 0.",
            "q*nu + p*q*(mu - d)^2": "The factor a² is missing.",
            "nu": "That is for μ = 0 and ν = 1, where a was made for it.",
        },
    ),
)

fields(
    "ex-variants-correlation",
    Formula(
        "The correlation of two outputs, dropout on v, in the rows w1, w2 and in v",
        {"w1": 3, "w2": 3, "v": 3},
        "Cov(dot(w1, m.*v), dot(w2, m.*v))/sqrt(Var(dot(w1, m.*v))*Var(dot(w2, m.*v)))",
        masks={"m": 3},
        hidden={"p": RATE},
        right=(
            "dot(w1.*v, w2.*v)/sqrt(dot(w1.*v, w1.*v)*dot(w2.*v, w2.*v))",
            "sum(w1.*w2.*v^2)/sqrt(sum((w1.*v)^2)*sum((w2.*v)^2))",
            "sum(w1.*w2.*v.^2)/(sqrt(sum(w1^2.*v^2))*sqrt(sum(w2^2.*v^2)))",
        ),
        wrong={
            "0": "That is DropConnect, with a mask for each weight.",
            "dot(w1, w2)/sqrt(dot(w1, w1)*dot(w2, w2))": "Each unit counts by v_j²: v is missing.",
            "sum(w1.*w2.*v^2)": "That is the covariance, without its factor: divide by the roots.",
        },
    ),
)
