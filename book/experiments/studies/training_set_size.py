"""How much dropout gains at different sizes of the training set, each trained until it fits."""

from ..images import splits
from ..networks import mlp
from ..registry import experiment
from ..training import classification_metrics, fit, outputs

# Probabilities of dropping a hidden unit and an input.
ARMS = {"none": (0.0, 0.0), "dropout": (0.5, 0.2)}


@experiment(
    "R2",
    title="MNIST: the gain from dropout against the number of training rows",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1002),
    settings={
        "data": "mnist",
        "held_out": None,
        "sizes": [100, 300, 1000, 3000],
        "hidden": 128,
        "fitted": 0.05,
        "epochs": 400,
        "batch_size": 50,
        "optimizer": "adam",
        "lr": 0.001,
    },
    pilot={"held_out": 10000},
    small={"data": "mnist_5k", "held_out": 2000, "sizes": [100, 300], "hidden": 64},
    small_seeds=range(2),
    batch=5,
    tolerance=0.25,
)
def training_set_size(seeds, arm, *, data, held_out, sizes, hidden, fitted, epochs, **step):
    """Train 784-n-n-10 on subsets of each size until the training rows are fitted.

    The rule is the same in both arms: the mean loss of the training rows, in evaluation mode at
    the end of an epoch, is below `fitted`. The metrics are those of that moment.

    Parameters
    ----------
    seeds : tuple of int
    arm : {"none", "dropout"}
    data, held_out
        As for `images.split`.
    sizes : list of int
        Numbers of training rows.
    hidden : int
        Width n of both hidden layers.
    fitted : float
        Loss in nats at which a network counts as trained.
    epochs : int
        After which training ends in any case.
    **step
        As for `training.fit`; the learning rate is constant.

    Returns
    -------
    list of dict
        For each seed the lists ``error``, ``nll`` and ``epochs``, with one entry a size.
    """
    found = [{"error": [], "nll": [], "epochs": []} for _ in seeds]
    p_hidden, p_input = ARMS[arm]
    for rows in sizes:
        x, y, x_test, y_test = splits(data, held_out, seeds, rows)
        net = mlp((x.shape[2], hidden, hidden, 10), seeds, p_hidden=p_hidden, p_input=p_input)
        ended = {}

        def note(epoch, net, x=x, y=y, x_test=x_test, y_test=y_test, ended=ended):
            losses = [
                classification_metrics(logits, labels)["nll"]
                for logits, labels in zip(outputs(net, x), y, strict=True)
            ]
            last = epoch == epochs - 1
            new = [s for s, loss in enumerate(losses) if s not in ended and (loss < fitted or last)]
            if new:
                logits = outputs(net, x_test)
                for s in new:
                    of_seed = classification_metrics(logits[s], y_test[s])
                    ended[s] = of_seed | {"epochs": epoch + 1}
            return len(ended) == len(losses)

        fit(net, x, y, seeds, epochs=epochs, decay=False, on_epoch=note, **step)
        for s, lists in enumerate(found):
            for metric, values in lists.items():
                values.append(ended[s][metric])
    return found
