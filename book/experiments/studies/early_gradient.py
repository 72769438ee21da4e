"""Early dropout: whether its gradients point more nearly where the whole set's gradient points."""

import torch
import torch.nn.functional as F

from ..images import parts
from ..networks import mlp, stream
from ..registry import experiment
from ..training import fit

SETS = ("digits", "mnist_5k")
ARMS = {f"{name} p={p}": (name, p) for name in SETS for p in (0.0, 0.1, 0.5)}


@experiment(
    "S6",
    title="Early dropout: the error of the gradient's direction along the path of training",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1004),
    settings={
        "data": SETS,
        "rows": {"digits": 300, "mnist_5k": 600},
        "width": 128,
        "checkpoints": (0, 20, 100, 300),
        "batches": 20,
        "batch_size": 50,
        "lr": 0.001,
    },
    small={"width": 32, "checkpoints": (0, 20), "batches": 5},
    small_seeds=range(2),
    batch=10,
)
def early_gradient(seeds, arm, *, data, rows, width, checkpoints, batches, batch_size, lr):
    """Measure (1 - cosine)/2 between gradients of minibatches and of all training rows.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        Set of images, and the probability of dropping a hidden unit of d-n-n-10.
    data, rows, width
        Sets, numbers of training rows, and n.
    checkpoints : sequence of int
        Steps of training after which it is measured; training ends with the last.
    batches, batch_size, lr
        Minibatches to average over, their rows, and the first learning rate of Adam.

    Returns
    -------
    list of dict
        ``error``, the list of the mean errors at the checkpoints: minibatch and masks against
        the gradient of all training rows without dropout, of the loss in nats (Liu et al.
        2023); ``start`` and ``end``, its first and last entry.
    """
    name, p = ARMS[arm]
    x, y, *_ = parts(name, rows[name], seeds, "test")
    net = mlp((x.shape[2], width, width, 10), seeds, p_hidden=p)
    found, done = [], 0

    def measure():
        nonlocal done
        if done in checkpoints:
            found.append(direction_errors(net, x, y, seeds, batches, batch_size))
        done += 1

    measure()
    epochs = -(-max(checkpoints) // (rows[name] // batch_size))
    step = {"optimizer": "adam", "lr": lr, "on_step": measure}
    fit(net, x, y, seeds, epochs=epochs, batch_size=batch_size, **step)
    errors = [[float(at[s]) for at in found] for s in range(len(seeds))]
    return [{"error": e, "start": e[0], "end": e[-1]} for e in errors]


def direction_errors(net, x, y, seeds, batches, batch_size):
    """Mean of (1 - cosine)/2 for each seed, at the weights that `net` has; leaves it training."""
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    whole = _gradient(net.eval(), x, y)
    net.train()
    rngs = [stream(seed, "measured batches") for seed in seeds]
    which, total = torch.arange(len(seeds))[:, None], torch.zeros(len(seeds))
    for _ in range(batches):
        rows = torch.tensor([rng.permutation(x.shape[1])[:batch_size].tolist() for rng in rngs])
        part = _gradient(net, x[which, rows], y[which, rows])
        total += (1 - F.cosine_similarity(part, whole, dim=1)) / 2
    return total / batches


def _gradient(net, x, y):
    """Gradient of each seed's mean loss as one long row."""
    loss = F.cross_entropy(net(x).flatten(0, 1), y.flatten(), reduction="sum") / x.shape[1]
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    return torch.cat([g.flatten(1) for g in gradients], dim=1)
