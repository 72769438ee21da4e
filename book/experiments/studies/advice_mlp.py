"""Advice for fully connected networks: how much to drop, of what, when, and for which sizes."""

import itertools
import math

from dropoutlib import schedules

from ..images import parts
from ..networks import SeedDropout, mlp, stream
from ..registry import experiment
from ..structures import SeedShift
from ..training import classification_metrics, fit, outputs

SETS = ("digits", "mnist_5k")
COMMON = {
    "data": SETS,
    "judged_by": "test",
    "rows": {"digits": 300, "mnist_5k": 600},
    "width": 128,
    "steps": 1500,
    "batch_size": 50,
    "lr": {"digits": 0.005, "mnist_5k": 0.002},
}
RUNS = {
    "seeds": range(10),
    "pilot_seeds": range(1000, 1003),
    "pilot": {"judged_by": "held out"},
    "small": {"rows": {"digits": 100, "mnist_5k": 100}, "width": 32, "steps": 60},
    "small_seeds": range(2),
    "batch": 10,
    "tolerance": 0.25,
}


def train(
    seeds,
    name,
    *,
    judged_by,
    rows,
    width,
    **more,
):
    """Train d-n-n-10 with Adam for a number of steps, and judge it in evaluation mode.

    Parameters
    ----------
    seeds : tuple of int
    name : str
        Set of images.
    judged_by : {"test", "held out"}
        As for `images.parts`.
    rows : int
        Number of training rows.
    width : int
        Units of both hidden layers.
    steps, batch_size, lr
        Steps, rows of each and the first learning rate.
    p, p_input : float, optional
        Probabilities of dropping a hidden unit and an input.
    shift : int, optional
        Images are shifted by up to so many pixels in training.
    schedule : callable, optional
        From the steps done to the probability of the hidden layers, instead of `p`.

    Returns
    -------
    list of dict
        ``error`` and ``nll`` on the judging rows, ``train_error`` and ``train_nll``.
    """
    drawn = parts(name, rows, seeds, judged_by)
    pixels = drawn[0].shape[2]
    sizes = (pixels, width, width, 10)
    return train_on(seeds, drawn, sizes=sizes, **more)


def train_on(
    seeds,
    drawn,
    *,
    sizes,
    steps,
    batch_size,
    lr,
    p=0.0,
    p_input=0.0,
    shift=0,
    schedule=None,
):
    """Train as `train` does, on rows as `images.parts` gives them."""
    x, y, x_judge, y_judge = drawn
    net = mlp(sizes, seeds, p_hidden=p, p_input=p_input)
    if shift:
        side = math.isqrt(sizes[0])
        net.insert(0, SeedShift(shift, side, [stream(seed, "shifts") for seed in seeds]))
    hook = None
    if schedule is not None:
        hook = follow(schedule, [layer for layer in net if isinstance(layer, SeedDropout)][1:])
    epochs = max(1, round(steps / (x.shape[1] // batch_size)))
    step = {"optimizer": "adam", "lr": lr, "on_step": hook}
    fit(net, x, y, seeds, epochs=epochs, batch_size=batch_size, **step)
    return judge(outputs(net, x_judge), y_judge, outputs(net, x), y)


def follow(schedule, layers):
    """Set the probability of the layers to the schedule's at 0; return what moves it a step."""

    def move(step):
        for layer in layers:
            layer.p = schedule(step)

    steps = itertools.count()
    move(next(steps))
    return lambda: move(next(steps))


def judge(judged, y_judge, trained, y):
    """Errors and losses of each seed on the judging rows and on its training rows."""
    found = []
    shared = y_judge.ndim == 1
    for s in range(len(judged)):
        test = classification_metrics(judged[s], y_judge if shared else y_judge[s])
        training = classification_metrics(trained[s], y[s])
        found.append(
            {key: test[key] for key in ("error", "nll")}
            | {f"train_{key}": training[key] for key in ("error", "nll")}
        )
    return found


def schedule(kind, p, steps):
    """Return a schedule whose limit or plateau is p; early and late switch at half of the steps."""
    return {
        "curriculum": schedules.curriculum(p, 10 / steps),
        "early": schedules.early(p, steps // 2),
        "late": schedules.late(p, steps // 2),
    }[kind]


SHIFTS = {"digits": 1, "mnist_5k": 2}  # in pixels
# What is done to the network or the images, and the width where it is not that of the settings.
TREATMENTS = {
    "p=0.0": {},
    "p=0.2": {"p": 0.2},
    "p=0.5": {"p": 0.5},
    "p=0.8": {"p": 0.8},
    "p=0.5 input 0.2": {"p": 0.5, "p_input": 0.2},
    "curriculum": {"schedule": "curriculum"},
    "early": {"schedule": "early"},
    "late": {"schedule": "late"},
    "shifts": {"shift": SHIFTS},
    "shifts p=0.5": {"shift": SHIFTS, "p": 0.5},
    "narrow p=0.0": {"width": 16},
    "narrow p=0.5": {"width": 16, "p": 0.5},
}
ARMS = {f"{name} {kind}": (name, kind) for name in SETS for kind in TREATMENTS}


@experiment(
    "P1",
    title="Fully connected networks: how much, of what, when, and instead of what",
    arms=ARMS,
    settings=COMMON,
    **RUNS,
)
def advice(seeds, arm, *, data, rows, width, steps, lr, **settings):
    """Train on one of the sets with one of the `TREATMENTS`; see `train`."""
    name, kind = ARMS[arm]
    treatment = {"width": width, **TREATMENTS[kind]}
    if "schedule" in treatment:
        treatment["schedule"] = schedule(treatment["schedule"], 0.5, steps)
    if "shift" in treatment:
        treatment["shift"] = treatment["shift"][name]
    treatment |= {"rows": rows[name], "steps": steps, "lr": lr[name]}
    return train(seeds, name, **treatment, **settings)


RATES = (0.0, 0.2, 0.5, 0.7)
FEW, MANY = 50, 700
BY_ROWS = {
    f"{name} n={rows} p={p}": (name, rows, p)
    for name in SETS
    for rows in (FEW, MANY)
    for p in RATES
}


@experiment(
    "P3",
    title="Few rows and many: does a small set want a higher probability",
    arms=BY_ROWS,
    settings={key: value for key, value in COMMON.items() if key != "rows"},
    **RUNS | {"small": {"width": 32, "steps": 60}},
)
def by_rows(seeds, arm, *, data, lr, **settings):
    """Train on some rows with one probability for both hidden layers; see `train`."""
    name, rows, p = BY_ROWS[arm]
    return train(seeds, name, rows=rows, p=p, lr=lr[name], **settings)
