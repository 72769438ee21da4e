"""What the pages ask under the exercises of the chapter Gradients."""

from .kinds import NUMBER, RATE, Formula, Numbers, fields

fields(
    "ex-gradients-two-masks",
    Formula(
        "The mean of the update, in W, x, y, p and q; x' is the transpose",
        {"W": "2x2", "x": 2, "y": 2, "p": RATE},
        "E((W*(m.*x)/q - y)*(k.*x)'/q)",
        masks={"m": 2, "k": 2},
        right=("(W*x - y)*x'", "W*x*x' - y*x'", "-(y - W x)x'"),
        wrong={
            "(W*x - y)*x' + p/q*W*diag(x^2)": "That is the mean for one mask: the penalty is lost.",
            "(W*x - y)*x'/q": "Two masks that are independent bring no factor.",
            "p/q*W*diag(x^2)": "That is what the second mask loses.",
        },
    ),
)

fields(
    "ex-gradients-stationary",
    Numbers(
        "The weights at which the expected gradient is zero",
        {"a": "First weight", "b": "Second weight"},
        # The mean over rows of the squared inputs is 14/3, and of their product 13/3; p/q = 1/4.
        measures=("(14*a + 13*b - 7)/3 + 14/12*a", "(13*a + 14*b - 8)/3 + 14/12*b"),
        values=("0", "0"),
        tolerance=1e-3,
        right=(("74/549", "196/549"), ("0.13479", "0.35701"), ("0.1348", "0.3570")),
        wrong={
            ("-2/9", "7/9"): "That is the solution without dropout.",
            ("196/549", "74/549"): "The weights are exchanged.",
            ("0.4", "0.2"): "The gradient does not vanish there.",
        },
    ),
)

ROWS = "reshape({mask}, [N, 2])*[2, 0; 0, 1]*3/2"  # N noisy copies of (2, 1) at p = 1/3
SLOPE = "({rows}*[1; -2] - 1)'*({rows}*[1; 0])/N"
FRESH = SLOPE.format(rows=f"({ROWS.format(mask='m')})")
SHARED = "((2*k1 - 2*k2)*3/2 - 1)*3*k1"
fields(
    "ex-gradients-shared",
    Formula(
        "The variance of the mean gradient with one mask, divided by that with N masks",
        {"N": (1, 2, 3)},
        f"Var({SHARED})/Var({FRESH})",
        masks={"m": "2*N", "k": 2},
        hidden={"p": "1/3"},
        right=("N", "N^2/N", "1/(1/N)"),
        wrong={
            "1": "Masks that are shared do not average out.",
            "N^2": "N independent terms divide the variance by N.",
            "1/N": "That is its reciprocal: one mask is the noisier.",
            "sqrt(N)": "That is the ratio of the standard deviations.",
        },
    ),
)

SLOPED = "((w*x*{e} - y)*x*{e})"
fields(
    "ex-gradients-gaussian",
    Formula(
        "The variance with the mask, in w, x, y, p and q",
        {"w": NUMBER, "x": NUMBER, "y": NUMBER, "p": RATE},
        f"Var({SLOPED.format(e='m1/q')})",
        masks={"m": 1},
        right=(
            "p/q*x^2*(w*x/q - y)^2",
            "p x^2 (w*x/q - y)^2/(1-p)",
            "p/q*(w*x^2/q - x*y)^2",
        ),
        wrong={
            "p*q*x^2*(w*x/q - y)^2": "You forgot a factor 1/q².",
            "p/q*x^2*(w*x - y)^2": "Kept, the unit puts out w x/q.",
            "x^2*(w*x/q - y)^2/q": "That is the second moment.",
        },
    ),
    Formula(
        "The variance with Gaussian noise, in w, x, y and s = p/q",
        {"w": NUMBER, "x": NUMBER, "y": NUMBER, "s": NUMBER},
        f"G({SLOPED.format(e='(1 + sqrt(s)*z)')}^2) - G({SLOPED.format(e='(1 + sqrt(s)*z)')})^2",
        right=(
            "x^2*(s*(2*w*x - y)^2 + 2*s^2*w^2*x^2)",
            "s x^2 (2w x - y)^2 + 2 s^2 w^2 x^4",
            "x^2*s*((2*w*x - y)^2 + 2*s*(w*x)^2)",
        ),
        wrong={
            "s*x^2*(w*x*(1 + s) - y)^2": "That is the variance with the mask.",
            "s*x^2*(2*w*x - y)^2": "The square of the noise varies, too: 2 s² w² x⁴ is missing.",
            "s*x^2*(w*x - y)^2": "The noise enters twice: by the output and by the input.",
        },
    ),
)

fields(
    "ex-gradients-signal",
    Formula(
        "The p of the largest ratio, in n",
        {"n": (2, 5, 10, 40)},
        "1 - 1/(1 + sqrt(n - 1))",
        right=(
            "sqrt(n-1)/(1 + sqrt(n-1))",
            "1/(1 + 1/sqrt(n-1))",
            "1 - (1 + (n-1)^0.5)^-1",
        ),
        wrong={
            "1/2": "That is right for n = 2 only.",
            "1 - 1/n": "It approaches 1 with the root of n, not with n.",
            "1/(1 + sqrt(n - 1))": "That is q.",
            "sqrt(n)/(1 + sqrt(n))": "A unit's own noise is not among the others: n − 1.",
        },
    ),
)

fields(
    "ex-gradients-no-mask",
    Formula(
        "What goes back, in the output h ≥ 0 of one unit, the gradient g that arrives, p and q; "
        "sign(h) is 0 or 1",
        {"h": (0, 1, 3), "g": NUMBER, "p": RATE},
        "g*sign(h)/q",
        right=("g*sign(h)/q", "g sign(h)/(1-p)", "sign(h)*(g/q)"),
        wrong={
            "g*sign(h)": "The factor 1/q of the forward pass comes back, too.",
            "g/q": "Where the output is 0, nothing goes back.",
            "g*h/q": "The gradient is not weighted by the output.",
        },
    ),
)

fields(
    "ex-gradients-entropy",
    Formula(
        "The bits that a unit needs on average, in p and q",
        {"p": RATE},
        "-E(log2(P))/4",
        masks={"m": 4},
        right=(
            "-p*log2(p) - q*log2(q)",
            "(p ln(1/p) + q ln(1/q))/ln(2)",
            "-(p*log(p) + (1-p)*log(1-p))/log(2)",
        ),
        wrong={
            "1": "That is a bit a unit, as at p = 1/2.",
            "-p*log(p) - q*log(q)": "These are nats; divide by log 2.",
            "-p*log2(p)": "A kept unit needs its share, too.",
        },
    ),
)
