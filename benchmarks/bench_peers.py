"""Other libraries that do the same, where they are installed.

Run as ``python benchmarks/bench_peers.py``, on one core. A ratio above 1 means quicker than the
baseline, which is the first method of a case.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import copy
import importlib

import torch
from bench_mc import CASES, T, loop
from timing import compare, table
from torch import nn

from dropoutlib.bayes.sampling import mc_samples
from dropoutlib.nn import DropPath

__all__ = ["PACKAGES", "missing", "predictions", "stochastic_depth"]

P = 0.2
SHAPE = (64, 197, 384)  # a batch of a small vision transformer


def missing():
    """What is not installed, or does not fit this build of torch, and why."""
    reasons = {}
    for name in PACKAGES:
        module = name.replace("-", "_")
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            reasons[name] = "not installed" if error.name == module else f"needs {error.name}"
        except Exception as error:  # a build for another torch fails in ways of its own
            reasons[name] = f"cannot be imported ({type(error).__name__})"
    return reasons


def stochastic_depth(rounds=25):
    """Compare a training step of a dropped branch; the first that is there is the baseline.

    Returns
    -------
    list of timing.Row
        Empty if there is nothing to compare with.
    """
    x, grad = torch.randn(SHAPE, requires_grad=True), torch.ones(SHAPE)
    absent = missing()
    layers = {name: make() for name, make in BRANCHES.items() if name not in absent}
    if not layers:
        return []
    layers["dropoutlib"] = DropPath(P)
    steps = {
        name: lambda layer=layer: _training_step(layer, x, grad) for name, layer in layers.items()
    }
    baseline = next(iter(steps))
    first = baseline, steps.pop(baseline)
    return compare("stochastic depth, training step", first, steps, rounds=rounds)


def predictions(rounds=25):
    """Compare Monte Carlo predictions of those models of `bench_mc` that all libraries take.

    Returns
    -------
    list of timing.Row
        The plain loop is the baseline. Empty if there is nothing to compare with.
    """
    absent, found = missing(), []
    peers = {name: wrap for name, wrap in PREDICTORS.items() if name not in absent}
    if not peers:
        return []
    for name, (build, shape, sizes, _) in CASES.items():
        for batch in sizes:
            torch.manual_seed(0)
            model, x = build(), torch.randn(batch, *shape)
            if not isinstance(model, nn.Sequential):
                continue
            candidates = {"mc_samples": lambda model=model, x=x: mc_samples(model, x, T)}
            candidates |= {peer: wrap(model, x) for peer, wrap in peers.items()}
            first = "loop", lambda model=model, x=x: loop(model, x)
            found += compare(f"{name}, batch {batch}", first, candidates, rounds=rounds)
    return found


def _timm():
    from timm.layers import DropPath as Peer

    return Peer(P)


def _torchvision():
    from torchvision.ops import StochasticDepth

    return StochasticDepth(P, mode="row")


def _baal(model, x):
    """Baal as it is by default: one pass of the batch T times over."""
    from baal import ModelWrapper
    from baal.bayesian.dropout import patch_module
    from baal.modelwrapper import TrainingArgs

    patched = patch_module(model, inplace=False).eval()
    wrapped = ModelWrapper(patched, TrainingArgs(use_cuda=False))
    return lambda: wrapped.predict_on_batch(x, iterations=T)


def _torch_uncertainty(model, x):
    """torch-uncertainty as it is by default: the same."""
    from torch_uncertainty.methods.mc_dropout import mc_dropout

    wrapped = mc_dropout(copy.deepcopy(model), T).eval()

    def run():
        with torch.no_grad():
            return wrapped(x)

    return run


# package: what makes its layer, or its predictor of a model
BRANCHES = {"timm": _timm, "torchvision": _torchvision}
PREDICTORS = {"baal": _baal, "torch-uncertainty": _torch_uncertainty}
PACKAGES = (*BRANCHES, *PREDICTORS, "transformers")


def _training_step(module, x, grad):
    module(x).backward(grad)
    x.grad = None


if __name__ == "__main__":
    torch.set_num_threads(1)
    print("skipped:", missing() or "none")
    print(table(stochastic_depth() + predictions()))
