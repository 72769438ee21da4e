"""What drops in training and not in a prediction, as a mode decides that dropout leaves alone."""

from __future__ import annotations

import contextlib
import inspect

import torch

from ..nn import calls
from .passes import Pass, caller
from .stochastic import OwnGenerator, python_noise
from .streams import Streams
from .trees import copies

COPY_BYTES = 1 << 30  # of parameters, beyond which no copy of a model is made to ask it


def left_out(model, modes, called, probe):
    """What drops in training and did not, given these modes and what was called.

    `probe` runs a pass of a copy with more modules in training mode, and gives those that were
    called and those that drew, or None where it fails. Then, and of a model that is too large for a
    copy, the code of what is around a layer has to tell.
    The owner of each is the module whose mode decides. What no mode calls is not among them, such
    as a spare layer, that of a block without a residual, or a function of a branch for other
    settings; unless what is not called may be so by chance.
    """
    modules = dict(model.named_modules())
    off = [one for one in modes.off if one.module not in modes.training & called]
    idle = [one for one in modes.found if one.reach == "call" and one.p != 0]
    # What is scripted cannot be watched, and what is traced (no p) not switched.
    watched = [one for one in idle if not (_is_scripted(one.module) and one.p)]
    idle = [one for one in watched if one.module not in called]
    pairs = [(one, [m for m in _around(one, modules) if _decides(m, called)]) for one in idle]
    seen, silent = None, []
    by_chance = any(one.guessed or one.kind == "unknown" for one in off)
    in_doubt = not by_chance and (off or any(owners for _, owners in pairs))
    if in_doubt and sum(one.nbytes for one in model.parameters()) <= COPY_BYTES:
        seen = probe({m for one in off + idle for m in (*_around(one, modules), one.owner)})
    for one in off:
        inside = {*one.owner.modules()} - modes.training
        if seen is None or _is_scripted(one.module) or seen[1] & inside:
            silent.append(one)
    for one, owners in pairs:
        if seen is None:
            owners = [owner for owner in owners[:1] if _is_unread(owner) or _reads_mode(owner)]
        elif not (_is_scripted(one.module) or one.module in seen[0]):
            continue
        others = [owner for owner in owners if owner not in modes.training]
        others.sort(key=_reads_mode, reverse=True)  # of equals the innermost stays first
        silent += [one._replace(owner=owner) for owner in others[:1]]
    return silent


def drawing(given, entropy, twin):
    """The modules that draw in a pass of the model that `twin` makes, with what leads to them.

    It is None if the pass fails, or draws noise that is not under control, nobody knows where.
    """
    noise, drew = Streams(entropy, 1).sample(), set()

    def watched(place, site):
        drew.add(active.get(caller()[0]))
        return noise(place, site)

    with contextlib.suppress(Exception):
        (model, active), (args, kwargs) = twin(), copies(given)
        before = python_noise(model)
        with OwnGenerator() as other, Pass(watched, active):
            model(*args, **kwargs)
        return drew if not other.generators and python_noise(model) == before else None
    return None


def listed(off):
    """What is known to drop and stays off, and how it is reached."""
    return "".join(f"; {found}: also=[{_named(type(found.owner))}]" for found in off)


def _named(kind):
    """The name of a class, in full if torch has another of this name."""
    alone = getattr(torch.nn, kind.__name__, kind) is kind
    return kind.__name__ if alone else f"{kind.__module__}.{kind.__name__}"


def _is_scripted(module):
    return isinstance(module, torch.jit.ScriptModule)


def _around(one, modules):
    """The modules around what was found, from within."""
    parts = one.name.split(".")
    return [modules[".".join(parts[:end])] for end in range(len(parts) - 1, -1, -1) if one.name]


def _decides(module, called):
    """Whether a module that was called has a mode of its own, not one that is an argument."""
    if _is_scripted(module):
        return True
    return module in called and "training" not in inspect.signature(type(module).forward).parameters


def _is_unread(module):
    """Whether the code of a module is none that can be read here."""
    return _is_scripted(module) or calls.in_library(type(module))


def _reads_mode(module):
    """Whether the code of a module is seen to read its mode."""
    if _is_unread(module):
        return False
    return any(path.endswith("training") for path in calls.read(module).attributes)
