"""One pass over fresh rows against many passes over few, with and without dropout."""

import numpy as np

from dropoutlib import schedules

from ..networks import stream
from ..registry import experiment
from .advice_mlp import train_on

KINDS = ("p=0.0", "p=0.1", "p=0.3", "early p=0.1")
ARMS = {f"{rows} {kind}": (rows, kind) for rows in ("fresh", "repeated") for kind in KINDS}


def tokens(rng, rows, contexts, alphabet, teacher, sharpness):
    """Draw contexts of tokens, one-hot, the next token of each, and its entropy in nats."""
    context = rng.integers(alphabet, size=(rows, contexts))
    x = np.zeros((rows, contexts, alphabet), dtype=np.float32)
    np.put_along_axis(x, context[..., None], 1, axis=2)
    x = x.reshape(rows, -1)
    first, second = teacher
    logits = sharpness * np.tanh(x @ first) @ second
    logits -= logits.max(axis=1, keepdims=True)
    weights = np.exp(logits)
    weights /= weights.sum(axis=1, keepdims=True)
    entropy = -(weights * np.log(weights)).sum(axis=1).mean()
    y = (weights.cumsum(axis=1) > rng.random((rows, 1))).argmax(axis=1)
    return x, y, entropy


@experiment(
    "P9",
    title="Next tokens: one pass over fresh rows, or many passes over few, at equal steps",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1003),
    settings={
        "contexts": 4,
        "alphabet": 16,
        "teacher_width": 32,
        "sharpness": 0.8,
        "few": 1000,
        "steps": 800,
        "batch_size": 50,
        "width": 128,
        "lr": 0.002,
        "test_rows": 4000,
    },
    small={"few": 200, "steps": 40, "width": 32, "test_rows": 500},
    small_seeds=range(2),
    batch=10,
    tolerance=0.25,
)
def repetition(
    seeds,
    arm,
    *,
    contexts,
    alphabet,
    teacher_width,
    sharpness,
    few,
    steps,
    batch_size,
    width,
    lr,
    test_rows,
):
    """Predict tokens that a random network draws from the ones before, at equal computation.

    Parameters
    ----------
    seeds : tuple of int
        Each draws a teacher of its own.
    arm : str
        ``fresh`` sees every row once, ``repeated`` sees `few` rows again and again; with dropout
        of the hidden units throughout, or early, in the first half only.
    contexts, alphabet : int
        Tokens before the one to predict, independent and uniform, and how many kinds there are.
    teacher_width, sharpness
        Hidden units of the teacher and the scale of its logits.
    few, steps, batch_size, width, lr, test_rows
        Rows that are repeated, steps of Adam, rows of a step, units of both hidden layers,
        first learning rate, and rows to judge by.

    Returns
    -------
    list of dict
        ``excess``, the loss on new rows above the teacher's entropy in nats; ``error``, ``nll``,
        ``train_error`` and ``train_nll``, all in evaluation mode.
    """
    rows, kind = ARMS[arm]
    number = steps * batch_size if rows == "fresh" else few
    sets, judges, floors = [], [], []
    for seed in seeds:
        rng = stream(seed, "teacher")
        size = contexts * alphabet
        teacher = (
            rng.standard_normal((size, teacher_width)) / np.sqrt(contexts),
            rng.standard_normal((teacher_width, alphabet)),
        )
        law = (contexts, alphabet, teacher, sharpness)
        sets.append(tokens(stream(seed, "training rows"), number, *law)[:2])
        *judge, entropy = tokens(stream(seed, "test rows"), test_rows, *law)
        judges.append(judge)
        floors.append(entropy)
    x, y = map(np.stack, zip(*sets, strict=True))
    x_judge, y_judge = map(np.stack, zip(*judges, strict=True))
    p = float(kind.split("=")[1])
    schedule = schedules.early(p, steps // 2) if kind.startswith("early") else None
    found = train_on(
        seeds,
        (x, y, x_judge, y_judge),
        sizes=(x.shape[2], width, width, alphabet),
        steps=steps,
        batch_size=batch_size,
        lr=lr,
        p=p,
        schedule=schedule,
    )
    return [m | {"excess": m["nll"] - float(h)} for m, h in zip(found, floors, strict=True)]
