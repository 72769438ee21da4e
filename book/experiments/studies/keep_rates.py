"""Error against the rate of keeping, with the width fixed and with the units kept fixed."""

from ..images import splits
from ..networks import mlp
from ..registry import experiment
from ..training import classification_metrics, fit, outputs

RATES = (0.1, 0.25, 0.5, 0.75, 1.0)
ARMS = {f"n fixed, q={q}": (q, False) for q in RATES}
ARMS |= {f"qn fixed, q={q}": (q, True) for q in (0.1, 1.0)}


@experiment(
    "R3",
    title="MNIST: rates of keeping, with n units or with n = kept / q",
    arms=ARMS,
    seeds=range(4),
    pilot_seeds=(1000, 1001),
    settings={
        "data": "mnist",
        "held_out": None,
        "rows": 2000,
        "hidden": 128,
        "kept": 32,
        "epochs": 30,
        "batch_size": 50,
        "optimizer": "adam",
        "lr": 0.002,
    },
    pilot={"held_out": 10000},
    small={
        "data": "mnist_5k",
        "held_out": 1000,
        "rows": 1000,
        "hidden": 64,
        "kept": 16,
        "epochs": 20,
    },
    small_seeds=range(2),
    batch=5,
    tolerance=0.25,
)
def keep_rates(seeds, arm, *, data, held_out, rows, hidden, kept, **step):
    """Train 784-n-n-10 with hidden units kept at rate q; inputs are never dropped.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        "n fixed, q=…" has n = `hidden`; "qn fixed, q=…" has n = `kept` / q, rounded, so that as
        many units are kept on average at every rate. At q = kept / hidden both are the same.
    data, held_out, rows
        As for `images.splits`.
    hidden, kept : int
    **step
        As for `training.fit`.

    Returns
    -------
    list of dict
        ``error``, ``nll``, ``training error`` and ``width`` of each seed.
    """
    q, scaled = ARMS[arm]
    width = round(kept / q) if scaled else hidden
    x, y, x_test, y_test = splits(data, held_out, seeds, rows)
    net = mlp((x.shape[2], width, width, 10), seeds, p_hidden=1 - q)
    fit(net, x, y, seeds, **step)
    found = []
    for s, (seen, judged) in enumerate(zip(outputs(net, x), outputs(net, x_test), strict=True)):
        metrics = classification_metrics(judged, y_test[s])
        training = classification_metrics(seen, y[s])["error"]
        found.append(
            {
                "error": metrics["error"],
                "nll": metrics["nll"],
                "training error": training,
                "width": width,
            }
        )
    return found
