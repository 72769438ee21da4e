"""A doctor for a model: what its dropout does in a call that it should not do, or leaves out."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import torch
from torch import nn

from ._watching import INSIDE, Call, Draws, comes_from, forked, leaves, same_memory, version
from .calls import LIBRARIES
from .finding import find

CHECKS = ["evaluation", "silent", "recomputation", "output", "generators", "scale", "ranks"]
ALPHA = 1e-9  # chance that the scale of one sound layer is called wrong
ROWS = CALLS = 2**8  # of ones, that its scale is told from


class Finding(NamedTuple):
    """Something that a diagnosis found. Its text is a sentence about it.

    Attributes
    ----------
    check : str
        Which of the checks of `diagnose` found it.
    name : str
        Dotted name of the module; empty for the model itself.
    text : str
        What was seen, and what helps.
    statement : str
        Label of the statement in the book that says what follows, or an empty string.
    """

    check: str
    name: str
    text: str
    statement: str = ""

    def __str__(self) -> str:
        where = self.name or "the model itself"
        see = f" (see {self.statement} in the book)" if self.statement else ""
        return f"{self.check}: {where} {self.text}{see}"


class Diagnosis(list[Finding]):
    """What `diagnose` found, in the order of its checks, and the names of the checks it ran."""

    def __init__(self, findings: list[Finding], checks: list[str]) -> None:
        super().__init__(findings)
        self.checks = checks

    def __str__(self) -> str:
        head = f"{len(self)} found by {len(self.checks)} checks: {', '.join(self.checks)}"
        return "\n".join([head, *map(str, self)])


def diagnose(model: nn.Module, /, *args: Any, ranks: bool = False, **kwargs: Any) -> Diagnosis:
    """Run a model on one example and say what is wrong with its dropout.

    The checks are about this example and these versions, on the path that the call takes:

    ``evaluation``
        After ``eval()`` nothing draws, except classes by ``multinomial``, such as actions. Exact.
    ``silent``
        Each layer with p > 0 that `find` knows and the model calls draws in training mode, and
        one is called if there are any; dropout is not without effect, as in an LSTM of one layer.
        Exact.
    ``recomputation``
        Masks that the backward pass draws again, as gradient checkpointing does, are those of the
        forward pass. A wrong mask of n units passes with probability ``(p**2 + q**2)**n``.
    ``output``
        No tensor that the model gives is what a layer of dropout gave, unless another comes from
        it that is no single number. Exact; right where the output is a layer of something else.
    ``generators``
        No two layers have generators of their own in the same state, so that they would draw the
        same. Exact.
    ``scale``
        A layer of dropout of unknown class keeps the mean: on ones, the kept value times the share
        that is kept is 1. False alarm 1e-9 a layer by Hoeffding's inequality; an error of less
        than .013 of the kept value is missed.
    ``ranks``
        If asked for: the processes of `torch.distributed` have different random states.

    Parameters
    ----------
    model : Module
        The model, in any mode. A twin with copies of its parameters, buffers, generators and
        optimizers runs, so that these, gradients and modes are left alone, unless its code has the
        model or an optimizer as a global variable; the random states of torch, NumPy and Python
        are as before, once it returns or raises. Threads that draw from torch's global generator
        at the same time draw other numbers.
    *args, **kwargs
        What the model is called with, a batch of more than one row if it normalizes by the batch;
        a dictionary of arguments as ``**batch``.
        Tensors are cloned, also in data classes; no gradient reaches those given.
    ranks : bool, default False
        Compare random states of all ranks; then each of them has to call this function.

    Returns
    -------
    Diagnosis
        A list of `Finding`, empty if all is well, that prints as a report. TypeError if `model` is
        no Module, ValueError if `ranks` is asked for without `torch.distributed` initialized.

    Examples
    --------
    >>> class Attention(nn.Module):
    ...     def forward(self, x):
    ...         return nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=0.1)
    >>> [finding.check for finding in diagnose(Attention(), torch.ones(2, 4, 8))]
    ['evaluation']
    """
    found = find(model)
    findings = [*_generators(model), *(_ranks() if ranks else [])]
    tensors = [*model.parameters(), *model.buffers(), *leaves((args, kwargs))]
    # Inference mode would leave tensors without what recomputation and output are told from.
    with forked(tensors), torch.inference_mode(False), torch.enable_grad():
        call = Call(model, found, args, kwargs)
        findings += _evaluation(call, found)
        call.twin.train()
        output = call.run()
        findings += [*_silent(call, found), *_output(call, output)]
        findings += _recomputation(call, output)
        findings += [one for layer in found for one in _scale(call, layer)]
    ran = [check for check in CHECKS if ranks or check != "ranks"]
    findings = sorted(dict.fromkeys(findings), key=lambda one: CHECKS.index(one.check))
    return Diagnosis(findings, ran)


def _evaluation(call, found):
    """Draws after ``eval()``, once for each module."""
    call.twin.eval()
    try:
        with torch.no_grad():
            call.run()
    except RuntimeError as error:
        if "does not require grad" not in str(error):
            raise
        call.run()  # what it gives are gradients, as forces are
    places = {}
    for one in found:
        if one.reach != "call":
            places.setdefault(call.names[call.twins[one.owner]], []).append(str(one))
    findings = []
    drawn = [draw for draw in call.draws if "multinomial" not in draw.operator]
    for module, draws in itertools.groupby(drawn, key=lambda draw: draw.module):
        name, operator = call.names[module], next(draws).operator
        noise = "normal" in operator or "randn" in operator
        helps = "draw only if self.training, unless the model is to give samples"
        if not noise:
            helps = "give the function p only if self.training, or make it a layer of the model"
        # Which of several places drew is not known: one may heed the mode, another not.
        place = f": {'; or '.join(places[name])}" if name in places else ""
        text = f"draws in evaluation mode, by {operator}{place}; {helps}"
        findings.append(Finding("evaluation", name, text, "" if noise else "thm-attention-eval"))
    return findings


def _silent(call, found):
    """Layers that should draw in training mode and do not."""
    for module, name in call.names.items():
        if isinstance(module, nn.RNNBase) and module.num_layers == 1 and module.dropout:
            text = f"has dropout={module.dropout:g} between layers, of which there is one"
            yield Finding("silent", name, text)
    for one in found:
        twin = call.twins[one.module]
        known = one.reach == "call" and one.attribute is not None and not one.guessed
        if not known or not 0 < (one.p or 0) < 1 or call.drew[twin]:
            continue
        given = [*leaves(call.inputs.get(twin, ()))]
        if given and not any(tensor.numel() for tensor in given):
            continue  # from no numbers, none are drawn
        if call.drew[twin] is None:
            if call.draws:  # a spare, such as that of a block without a residual
                continue
            text = "is not called"
        elif not twin.training:
            text = "stays in evaluation mode after train()"
        else:
            text = "draws nothing in training mode"
        yield Finding("silent", call.names[twin], f"has p={one.p:g}, but {text}")


def _output(call, output):
    """Outputs that are what a layer or function of dropout gave, unchanged since."""
    given = [*leaves(output)]
    for module, result, before in call.dropped:
        # Something else has been added in place where the version is another, and what other
        # outputs than a loss are computed from is a hidden layer.
        same = [version(leaf) == before for leaf in given if same_memory(leaf, result)]
        others = (leaf for leaf in given if leaf.ndim and not same_memory(leaf, result))
        if any(same) and not any(comes_from(leaf, result) for leaf in others):
            text = (
                "drops what the model gives: fitted to targets by squared loss, predictions become "
                "too small by the factor 1 - p; put dropout before the last layer"
            )
            yield Finding("output", call.names[module], text, "thm-output-dropout")


def _recomputation(call, output):
    """Draws of the backward pass that are not those of the pass forward."""
    ends = [_sum(leaf) for leaf in leaves(output) if leaf.requires_grad]
    if not ends:
        return
    forward, call.draws = call.draws, []
    try:
        with Draws(call):
            torch.autograd.backward(ends)
    except RuntimeError as error:
        names = [name for module, name in call.names.items() if getattr(module, "inplace", False)]
        error.add_note(
            "the backward pass of the example failed, as training would"
            + "; in place work " * bool(names)
            + ", ".join(names)
        )
        raise
    seen = set()
    for draw in call.draws:
        again = any(map(draw.equal, forward))
        if not again and draw.module not in seen:
            seen.add(draw.module)
            text = (
                f"draws another mask when the backward pass computes it again, by {draw.operator}: "
                "leave preserve_rng_state=True, and no generator of a layer's own"
            )
            yield Finding("recomputation", call.names[draw.module], text, "thm-recomputed-mask")


def _generators(model):
    """Layers whose own generators are in the same state."""
    first: dict[bytes, tuple[str, torch.Generator]] = {}
    for name, module in model.named_modules():
        for value in vars(module).values():
            if isinstance(value, torch.Generator):
                other, own = first.setdefault(value.get_state().numpy().tobytes(), (name, value))
                if own is not value:
                    text = f"has a generator in the state of that of {other}: they draw the same; "
                    text += "give them other seeds, as dropoutlib.nn.reseed does, or one generator"
                    yield Finding("generators", name, text, "thm-shared-seed")


def _ranks():
    """Ranks with the same random state."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        raise ValueError("ranks=True compares processes: call init_process_group on each before")
    states: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(states, torch.get_rng_state().numpy().tobytes())
    alike = [rank for rank, state in enumerate(states) if states.count(state) > 1]
    if not alike:
        return []
    text = (
        f"runs on ranks {', '.join(map(str, alike))} with the same random state: right for copies "
        "of one activation, wrong for other rows or other units; seed by the rank"
    )
    return [Finding("ranks", "", text, "thm-shared-seed")]


def _scale(call, one):
    """Whether a layer of unknown class keeps the share and the mean that it should, on ones."""
    twin = call.twins[one.module]
    given = call.inputs.get(twin, ())
    tensors = [value for value in given if isinstance(value, torch.Tensor)]
    known = type(twin).__module__.partition(".")[0] in LIBRARIES
    judged = one.reach == "call" and one.kind not in (*INSIDE, "block")  # blocks need maps
    if known or one.guessed or not judged or [*twin.children()] or len(given) != 1 or not tensors:
        return
    if tensors[0].is_meta or not tensors[0].is_floating_point():
        return  # no numbers, or such as stand for words and are not scaled
    twin.train()
    rows = tensors[0].new_ones((ROWS, *(1 for _ in tensors[0].shape[1:])))
    try:
        with torch.no_grad():
            results = torch.stack([twin(rows) for _ in range(CALLS)]).double()
    except Exception:  # it takes no other rows, or gives something else than its input changed
        return
    kept = results[results != 0].unique()
    shares = (results != 0).double().flatten(1).mean(1)
    if len(kept) != 1 or bool(((shares == 0) | (shares == 1)).all()):
        return  # noise of another kind, or one number for all rows
    share = shares.mean().item()
    width = math.sqrt(math.log(2 / ALPHA) / (2 * ROWS * CALLS))
    value, name = kept.item(), call.names[twin]
    if one.p is not None and abs(share - (1 - one.p)) > width:
        text = f"keeps {share:.1%} of what it is given, where p={one.p:g} says {1 - one.p:.1%}"
        yield Finding("scale", name, text, "def-inverted")
    if abs(value * share - 1) > width * value:
        text = f"multiplies what it keeps by {value:.4g}, and keeps {share:.1%}: the mean is off"
        yield Finding("scale", name, text, "thm-unbiased")


def _sum(tensor):
    """What goes back through all of a tensor."""
    tensor = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return tensor.float().sum()
