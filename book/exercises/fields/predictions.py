"""What the pages ask under the exercises of the chapter Predictions."""

from .kinds import Checklist, Choice, Numbers, fields

fields(
    "ex-predictions-homogeneous",
    Checklist(
        (
            "ReLU(c z) = c ReLU(z) for c > 0, and no bias spoils it.",
            "So f_m(c x) = c f_m(x) for every mask m.",
            "The standard deviation over masks is then multiplied by c.",
            "The masks of a random network were enumerated, and agree.",
        )
    ),
)

fields(
    "ex-predictions-threshold",
    Numbers(
        "The diagonal of the product that dropout prefers",
        {"a": "First entry", "b": "Second entry"},
        measures=("(3 - a)^2 + (1 - b)^2 + (a + b)^2/2 + (a < 0) + (b < 0)",),
        values=("4",),
        tolerance=1e-9,
        right=(("2", "0"), ("2.0", "0.0"), ("4/2", "0/1")),
        wrong={
            ("3", "1"): "That is least squares: dropout shrinks both.",
            ("0", "2"): "The entries are exchanged.",
            ("2.5", "0.5"): "The threshold falls on both alike, and is larger.",
            ("2", "1"): "What is added is the square of the sum: both are pulled.",
        },
    ),
)

fields(
    "ex-predictions-equivalence",
    Choice(
        "The five differences may be called",
        ("neither different from zero nor equivalent to it",),
        {
            "equivalent to zero": "The interval reaches beyond the margin of 0.2.",
            "different from zero": "The interval contains zero.",
            "equal to zero": "A test that finds nothing shows no equality.",
        },
    ),
)

fields(
    "ex-predictions-pairing",
    Checklist(
        (
            "The standard error within splits is computed from the differences.",
            "That of two independent samples adds both variances.",
            "The ratio of the two is given: the splits vary more than the methods.",
            "With it, 20 splits can resolve 1 %.",
        )
    ),
)

fields(
    "ex-predictions-separable",
    Checklist(
        (
            "The quadratic penalty carries σ(β)(1 − σ(β)), which falls faster than β² grows.",
            "So loss and penalty both tend to 0.",
            "With masks, the mask that drops the feature leaves log 2, with probability p.",
            "Without an L2 penalty the minimum would lie at infinity.",
        )
    ),
)

fields(
    "ex-predictions-calibrated",
    Numbers(
        "The two measures of this predictor",
        {"a": "Calibration error", "b": "AUROC of the entropy"},
        values=("0", "0.5"),
        tolerance=1e-9,
        right=(("0", "0.5"), ("0.0", "1/2"), ("1-1", "0.50")),
        wrong={
            ("0", "1"): "All entropies are equal: it is a coin, not a separation.",
            ("0.5", "0.5"): "Its confidence is the frequency of the class, and that is right.",
            ("0", "0"): "Ties count one half.",
        },
    ),
)

fields(
    "ex-predictions-temperature",
    Numbers(
        "The temperature",
        {"a": "Temperature"},
        values=("0.01",),
        tolerance=2e-4,
        right=(("0.01",), ("1/100",), ("1e-2",)),
        wrong={
            ("0.1",): "To first order the variance falls by the temperature: ten per cent here.",
            ("0.02",): "To first order that is two per cent.",
        },
    ),
)
