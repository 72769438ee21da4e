"""Train networks and keep them as they were at several moments, to predict with later."""

import numpy as np
import torch

from .networks import mlp
from .training import fit, outputs
from .tuning import AGAIN, ends

__all__ = ["draws", "snapshots"]

# Added to a seed, the masks of prediction; the third member of an ensemble adds as much.
PASSES = 20 * AGAIN


def snapshots(sizes, seeds, rows, targets, given, *, epochs, moments, batch_size):
    """Train with Adam and a rate that falls to zero; return the weights at each moment.

    Members of an ensemble share the epochs of one network; nobody has what a division leaves.

    Parameters
    ----------
    sizes : sequence of int
        Widths of the network from input to output.
    seeds : sequence of int
    rows, targets : ndarray, shapes (S, M, d) and (S, M)
        Training rows.
    given : dict
        The candidate: ``lr``, and if they are used ``dropout``, ``ensemble`` and ``weight decay``,
        decoupled.
    epochs, batch_size : int
        Epochs of all members together, rows of a batch.
    moments : int
        At how many moments, evenly spread, the weights are kept.

    Returns
    -------
    list of list of dict
        For each moment, for each member, its weights with the seeds in front.

    Raises
    ------
    ValueError
        For more than two members with dropout, since the third would share its masks with `draws`.
    """
    members = given.get("ensemble", 1)
    if members > 2 and given.get("dropout"):
        raise ValueError("a third member with dropout would draw the masks of prediction")
    each = epochs // members
    at, kept = ends(each, moments), []
    for member in range(members):
        own = [seed + member * 10 * AGAIN for seed in seeds]
        net, states = mlp(sizes, own, p_hidden=given.get("dropout", 0.0)), []

        def note(epoch, net, states=states):
            if epoch + 1 in at:
                states.append({name: w.clone() for name, w in net.state_dict().items()})

        step = {"epochs": each, "batch_size": batch_size, "lr": given["lr"], "on_epoch": note}
        decay = given.get("weight decay", 0.0)
        fit(net, rows, targets, own, optimizer="adamw", weight_decay=decay, **step)
        kept.append(states)
    return [list(of_members) for of_members in zip(*kept, strict=True)]


def draws(sizes, seeds, members, x, p=0.0, passes=0):
    """Outputs of each member, or of passes with fresh masks through each.

    Parameters
    ----------
    sizes : sequence of int
        Widths of the network.
    seeds : sequence of int
        They draw the masks.
    members : list of dict
        Weights, one moment of `snapshots`.
    x : ndarray, shape (S, N, d)
    p : float
        Probability of dropping a hidden unit.
    passes : int
        Number of masks, or 0 for one pass without.

    Returns
    -------
    ndarray, shape (K, S, N, C)
        With K members times passes.
    """
    found = []
    for weights in members:
        net = mlp(sizes, [seed + PASSES for seed in seeds], p_hidden=p)
        net.load_state_dict(weights)
        net.train(passes > 0)
        found += [outputs(net, x) for _ in range(max(passes, 1))]
    return np.stack(found)


def of_seed(members, position):
    """Weights of the network of one seed, with that seed in front."""
    return [{name: w[position : position + 1] for name, w in each.items()} for each in members]


def log_mean(outputs):
    """Logarithm of the mean over draws of class probabilities, (K, …, C) to (…, C)."""
    probs = torch.from_numpy(outputs).double().softmax(dim=-1).mean(dim=0)
    return np.log(np.maximum(probs.numpy(), 1e-30))
