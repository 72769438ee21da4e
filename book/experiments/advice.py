"""The customary advice on dropout as contrasts between arms, and the verdict on each piece of it.

A contrast is positive if the advice is right. A verdict is computed, never written: the advice is
supported if every one of its contrasts is asserted to be positive, all contrasts of the table
being judged together by Holm's method, not supported if none is, and otherwise it depends.
"""

from dataclasses import dataclass

import numpy as np

from . import results, statistics

__all__ = ["ADVICE", "EQUIVALENT", "Advice", "Contrast", "Judged", "gains", "judge", "nearest"]

SETS = ("digits", "mnist_5k")
METRICS = ("error", "nll")


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A linear combination of the arms of an experiment, in one metric.

    Parameters
    ----------
    metric : str
        Which metric.
    arms : dict
        Coefficient of each arm.
    offset : float
        Added to it: how much may be lost where the advice says that nothing is gained.
    """

    metric: str
    arms: dict
    offset: float = 0.0

    def values(self, found):
        """Return it for each seed of the stored results."""
        terms = [weight * found.values(arm, self.metric) for arm, weight in self.arms.items()]
        return np.sum(terms, axis=0) + self.offset


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A piece of advice: the label of its statement, the experiment, and its contrasts by name."""

    label: str
    text: str
    experiment: str
    contrasts: dict


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An advice with its comparisons, which of them are asserted, and the verdict."""

    advice: Advice
    comparisons: dict
    asserted: dict

    @property
    def verdict(self):
        """One of ``"supported"``, ``"not supported"`` and ``"depends"``."""
        held = sum(self.asserted.values())
        if held == len(self.asserted):
            return "supported"
        return "depends" if held else "not supported"


def _lower(worse, better, names=SETS, metrics=METRICS):
    """Contrasts that are positive if the second arm has the lower metric, on each set."""
    return {
        f"{name} {metric}": Contrast(
            metric=metric, arms={f"{name} {worse}": 1, f"{name} {better}": -1}
        )
        for name in names
        for metric in metrics
    }


def _pairs(pairs, metrics=METRICS):
    """Contrasts of pairs of a worse and a better arm, within one set."""
    return {
        f"{better} {metric}": Contrast(metric=metric, arms={worse: 1, better: -1})
        for worse, better in pairs
        for metric in metrics
    }


def _gain_grows(small, large, names=SETS):
    """Contrasts of the gain in the second situation above the gain in the first, on each set."""
    signs = (1, -1, -1, 1)
    return {
        f"{name} {metric}".strip(): Contrast(
            metric=metric,
            arms={
                f"{name} {arm}".strip(): sign
                for arm, sign in zip((*large, *small), signs, strict=True)
            },
        )
        for name in names
        for metric in METRICS
    }


def _two_arms(label, text, worse, better):
    """Advice on fully connected networks that puts one arm of P1 before another, on each set."""
    return Advice(label=label, text=text, experiment="P1", contrasts=_lower(worse, better))


ADVICE = (
    _two_arms(
        "emp-hidden-rate",
        "drop half of the hidden units of a fully connected network",
        "p=0.0",
        "p=0.5",
    ),
    _two_arms("emp-input-rate", "drop a fifth of the inputs as well", "p=0.5", "p=0.5 input 0.2"),
    Advice(
        label="emp-convolution-rate",
        text="in convolutions drop 0.1 to 0.3, of units or of channels",
        experiment="P5",
        contrasts=_pairs(
            [("unit p=0.0", f"{kind} p={p}") for kind in ("unit", "channel") for p in (0.1, 0.3)]
        ),
    ),
    Advice(
        label="emp-batchnorm-order",
        text="put dropout after batch normalisation, not before it",
        experiment="R12",
        contrasts=_pairs([("before", "after")]),
    ),
    Advice(
        label="emp-batchnorm-needed",
        text="with batch normalisation dropout is not needed",
        experiment="R12",
        contrasts={
            "within 0.005 error": Contrast(
                metric="error", arms={"after": 1, "none": -1}, offset=0.005
            ),
            "within 0.02 nll": Contrast(metric="nll", arms={"after": 1, "none": -1}, offset=0.02),
        },
    ),
    Advice(
        label="emp-droppath-transformer",
        text="in transformers use DropPath with 0.1 to 0.3",
        experiment="P7",
        contrasts=_pairs([("p=0.0", "p=0.1"), ("p=0.0", "p=0.3")]),
    ),
    Advice(
        label="emp-small-data",
        text="the smaller the set, the higher p",
        experiment="P3",
        contrasts=_gain_grows(
            small=("n=700 p=0.2", "n=700 p=0.7"), large=("n=50 p=0.2", "n=50 p=0.7")
        ),
    ),
    Advice(
        label="emp-large-model",
        text="the larger the model, the more it needs dropout",
        experiment="P1",
        contrasts=_gain_grows(small=("narrow p=0.0", "narrow p=0.5"), large=("p=0.0", "p=0.5")),
    ),
    _two_arms(
        "emp-increasing-rate",
        "increase p during training rather than keep it constant",
        "p=0.5",
        "curriculum",
    ),
    _two_arms("emp-early-schedule", "drop early in training, then stop", "p=0.0", "early"),
    _two_arms("emp-late-schedule", "drop late in training only", "p=0.0", "late"),
    Advice(
        label="emp-early-dropout",
        text="a little dropout makes early gradients point better",
        experiment="S6",
        contrasts=_lower("p=0.0", "p=0.1", metrics=("start", "end")),
    ),
    _two_arms(
        "emp-augmentation",
        "augmentation that keeps the label is better than dropout",
        "p=0.5",
        "shifts",
    ),
    _two_arms(
        "emp-augmentation-both",
        "dropout still helps on top of augmentation",
        "shifts",
        "shifts p=0.5",
    ),
    Advice(
        label="emp-dropblock-mechanism",
        text="what blocks drop is harder to guess from what is left",
        experiment="S4",
        contrasts={"unexplained": Contrast(metric="unexplained", arms={"block": 1, "unit": -1})},
    ),
    Advice(
        label="emp-dropblock-mechanism",
        text="drop blocks rather than units in convolutions",
        experiment="P5",
        contrasts=_pairs([("unit p=0.1", "block p=0.1")]),
    ),
    Advice(
        label="contested-llm",
        text="pretrain without dropout where every row is seen once",
        experiment="P9",
        contrasts={
            f"fresh, against {kind}": Contrast(
                metric="excess", arms={f"fresh {kind}": 1, "fresh p=0.0": -1}
            )
            for kind in ("p=0.1", "p=0.3", "early p=0.1")
        },
    ),
    Advice(
        label="contested-llm",
        text="pretrain with dropout where rows are repeated",
        experiment="P9",
        contrasts=_pairs(
            [("repeated p=0.0", "repeated p=0.1"), ("repeated p=0.0", "repeated p=0.3")],
            ("excess",),
        ),
    ),
)


# For a statement that two arms are the same: experiment, metric, both arms, and the difference
# that would matter, fixed beforehand.
EQUIVALENT = {
    label: tuple(("P1", "error", f"{name} {one}", f"{name} {other}", 0.015) for name in SETS)
    for label, one, other in (
        ("emp-increasing-rate", "p=0.5", "curriculum"),
        ("emp-early-schedule", "p=0.0", "early"),
    )
}


def gains(advice, version="full"):
    """Return each contrast of an advice, for each seed; positive if the advice is right."""
    found = results.load(advice.experiment, version)
    return {name: contrast.values(found) for name, contrast in advice.contrasts.items()}


def nearest(name, rows, seeds):
    """Test error of the nearest training row, on the rows that these studies give each seed.

    Parameters
    ----------
    name, rows, seeds
        As for `images.parts`.

    Returns
    -------
    ndarray, shape (S,)
    """
    from sklearn.neighbors import KNeighborsClassifier  # not before it is needed, as the next

    from .images import parts  # which takes torch, and the pages are built without it

    x, y, x_judge, y_judge = parts(name, rows, seeds, "test")
    near = [KNeighborsClassifier(1).fit(*own) for own in zip(x, y, strict=True)]
    return 1 - np.array([model.score(x_judge, y_judge) for model in near])


def judge(version="full", alpha=0.05):
    """Judge the whole table at once.

    Parameters
    ----------
    version : str
        Which stored results.
    alpha : float
        Probability, at most, that any contrast is falsely asserted to be positive.

    Returns
    -------
    list of Judged
        In the order of `ADVICE`.
    """
    compared = [
        {name: statistics.greater(gain, 0.0, 0.0) for name, gain in gains(a, version).items()}
        for a in ADVICE
    ]
    every = [comparison for row in compared for comparison in row.values()]
    asserted = iter(statistics.holm(every, alpha)[1].tolist())
    return [
        Judged(advice=a, comparisons=row, asserted={name: next(asserted) for name in row})
        for a, row in zip(ADVICE, compared, strict=True)
    ]
