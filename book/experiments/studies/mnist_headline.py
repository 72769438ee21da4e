"""The headline of the dropout papers: errors on complete MNIST with and without dropout."""

from ..images import split
from ..networks import mlp, stream
from ..registry import experiment
from ..training import classification_metrics, fit, outputs

# Probabilities of dropping a hidden unit and an input.
ARMS = {"none": (0.0, 0.0), "hidden": (0.5, 0.0), "hidden+input": (0.5, 0.2)}


@experiment(
    "R1",
    title="MNIST: no dropout, half of the hidden units, and a fifth of the inputs too",
    arms=ARMS,
    seeds=range(3),
    pilot_seeds=(1000,),
    settings={
        "data": "mnist",
        "held_out": None,
        "hidden": 800,
        "epochs": 45,
        "batch_size": 128,
        "optimizer": "adam",
        "lr": 0.001,
        "max_norm": 3.0,
        "shuffled": False,
    },
    pilot={"held_out": 10000},
    small={"data": "mnist_5k", "held_out": 1000, "hidden": 200, "epochs": 20},
    small_seeds=range(2),
    tolerance=0.25,
)
def mnist_headline(
    seed, arm, *, data, held_out, hidden, epochs, batch_size, lr, optimizer, max_norm, shuffled
):
    """Train 784-n-n-10 and count its errors in evaluation mode.

    Parameters
    ----------
    seed : int
    arm : {"none", "hidden", "hidden+input"}
    data : str
        Set of images.
    held_out : int or None
        Number of training rows to hold out and to be judged by, or None for the test set.
    hidden : int
        Width n of both hidden layers, in every arm.
    epochs, batch_size, optimizer, lr, max_norm
        As for `training.fit`, the same in every arm.
    shuffled : bool
        Whether to shuffle the training labels, a control that must end at chance.

    Returns
    -------
    dict
        ``error``, ``nll`` and ``wrong``, as `training.classification_metrics`.
    """
    x, y, x_test, y_test = split(data, held_out, seed)
    if shuffled:
        y = stream(seed, "shuffle").permutation(y)
    p_hidden, p_input = ARMS[arm]
    net = mlp((x.shape[1], hidden, hidden, 10), [seed], p_hidden=p_hidden, p_input=p_input)
    step = {"optimizer": optimizer, "lr": lr, "max_norm": max_norm}
    fit(net, x, y, [seed], epochs=epochs, batch_size=batch_size, **step)
    return classification_metrics(outputs(net, x_test)[0], y_test)
