"""Dropout with parameters: a probability that is learned, and masks of the weights themselves."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from .._checks import check_choice, check_positive
from ..layers.units import sigmoid
from ._masking import (
    check_dense,
    check_floating,
    check_p,
    draw,
    is_beyond,
    is_exporting,
    overridable,
    random,
    switch,
    wide_dtype,
)


@overridable
def concrete_dropout(
    input: Tensor,
    logit: Tensor,
    temperature: float = 0.1,
    training: bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Inverted dropout with a relaxed mask: input * (1 - z) / (1 - p) in training.

    z = sigmoid((logit p + logit U) / t) with U uniform on (0, 1), drawn for each unit. Source:
    Gal, Hron and Kendall (2017).

    Parameters
    ----------
    input : Tensor
        Floating-point activations of any shape.
    logit : Tensor, shape ()
        Logit of the drop probability p; it receives a gradient.
    temperature : float
        Temperature t of the relaxation.
    training, generator
        As for `dropout`, also return value and errors.
    """
    if not training:
        return input
    check_floating(input, "concrete_dropout(temperature={})", temperature)
    check_dense(input, "concrete_dropout")
    dtype = wide_dtype(input.device)
    uniform = random(torch.rand, input.shape, dtype, input.device, generator)
    # The draw may be 0, whose logit is infinite; it is never 1.
    noise = torch.logit(uniform, eps=torch.finfo(dtype).tiny)
    # 1 - sigmoid(a) is sigmoid(-a); the logarithms of both do not vanish where 1 - p does.
    keep, q = (F.logsigmoid(-a) for a in ((logit + noise) / temperature, logit.to(dtype)))
    noise = (keep - q).exp().to(torch.promote_types(input.dtype, torch.float32))
    if is_exporting():
        noise = torch.where(switch(input), noise, 1)
    return (input * noise).to(input.dtype)


class ConcreteDropout(_DropoutNd):
    """Inverted dropout whose p is learned by gradient descent: x (1 - z) / (1 - p) in training.

    `dropoutlib.layers.ConcreteDropout` says what z is, and what is approximate about it. Source:
    Gal, Hron and Kendall (2017).

    Parameters
    ----------
    p, temperature : float
        Initial probability, strictly between 0 and 1, and temperature of the relaxation, positive.
    generator : torch.Generator, optional
        As for `Dropout`, also errors; ValueError also for a `p` or temperature beyond its bounds.

    Attributes
    ----------
    logit : Parameter, shape ()
        What is learned, the logit of p, and all that ``state_dict`` holds.
    """

    __jit_unused_properties__: ClassVar[list[str]] = ["p"]

    def __init__(
        self, p: float = 0.5, temperature: float = 0.1, *, generator: Generator | None = None
    ) -> None:
        check_positive(temperature=temperature)
        super().__init__(check_p(p))
        self.temperature = temperature
        self.generator = generator

    @property
    def p(self) -> float:
        """Probability of dropping as a float, the sigmoid of `logit`; rounded it may be 0 or 1."""
        return sigmoid(self.logit.item())

    @p.setter
    def p(self, value: float) -> None:
        value = check_p(value)
        if not 0 < value < 1:
            raise ValueError(f"a learned p must lie strictly between 0 and 1, got p={value!r}")
        logit = math.log(value) - math.log1p(-value)
        if "logit" in self._parameters:
            nn.init.constant_(self.logit, logit)
        else:
            self.logit: nn.Parameter = nn.Parameter(torch.tensor(logit))

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer in its mode; see `concrete_dropout`."""
        return concrete_dropout(
            input, self.logit, self.temperature, self.training, generator=self.generator
        )

    def regulariser(
        self, weight: Tensor, n_inputs: int, *, weight_scale: float, entropy_scale: float
    ) -> Tensor:
        """Penalty s_w ||W||^2 / q - s_H K H(p) that belongs into the loss, a Tensor of shape ().

        Parameters as for `dropoutlib.layers.ConcreteDropout.regulariser`.
        """
        p, q = torch.sigmoid(self.logit), torch.sigmoid(-self.logit)
        log_p, log_q = (nn.functional.logsigmoid(sign * self.logit) for sign in (1, -1))
        entropy = -p * log_p - q * log_q
        return weight_scale * weight.square().sum() / q - entropy_scale * n_inputs * entropy

    def extra_repr(self) -> str:
        """Text between the parentheses of the representation."""
        known = "unknown" if self.logit.is_meta else f"{self.p:.3f}"
        return f"p={known}, temperature={self.temperature}"


@overridable
def dropconnect_linear(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    p: float = 0.5,
    training: bool = True,
    inference: str = "mean",
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Linear map with masked weights: x (W * M)^T / q + c in training.

    Each row of the input has a mask of its own; the bias c is never masked. The output has the
    shape (..., out).

    Parameters
    ----------
    input, weight, bias : Tensor, shapes (..., in), (out, in) and (out,)
        Rows x, weights W, and the bias c, if any.
    p : float
        Probability of dropping a weight, in [0, 1]. At p = 1 only the bias is left.
    training, generator
        As for `dropout`, also errors.
    inference : {"mean", "gaussian"}
        What is returned if not `training`: the mean x W^T + c, or one draw from the normal law of
        equal mean and variance (`DropConnectLinear.moments`), a ValueError at p = 1. Average what
        the next nonlinearity makes of such draws to have the inference of Wan et al. (2013), whose
        conventions `dropoutlib.layers.DropConnect` translates.
    """
    p = check_p(p)
    check_choice("inference", inference, "mean", "gaussian")
    if p == 0 or (not training and inference == "mean"):
        return F.linear(input, weight, bias)
    check_dense(input, "dropconnect_linear")
    if not training:
        mean, variance = connect_moments(input, weight, bias, p)
        noise = random(torch.randn, mean.shape, variance.dtype, mean.device, generator)
        # A row of zeros has no variance, and the root no slope there.
        spread = variance.clamp(min=torch.finfo(variance.dtype).tiny).sqrt()
        return (mean + noise * spread).to(mean.dtype)
    if p == 1:
        return F.linear(input, weight * 0, bias)
    if is_beyond(input, 1 / (1 - p)):
        wide = (part if part is None else part.float() for part in (input, weight, bias))
        return dropconnect_linear(*wide, p, generator=generator).to(input.dtype)
    mask, scale, _ = draw(input, (*input.shape[:-1], *weight.shape), p, generator)
    output = torch.einsum("...oi,...i->...o", mask * weight, input)
    output = output if scale is None else output * scale  # weights times it may be infinite
    return output if bias is None else output + bias.to(output.dtype)  # autocast's, if it is on


def connect_moments(input, weight, bias, p):
    """Mean x W^T + c and variance (p/q) (x * x)(W * W)^T of `dropconnect_linear`, p below 1.

    The squares are taken in single precision at least, where half would overflow.
    """
    if p == 1:
        raise ValueError("DropConnect(p=1) would have infinite variance in proportion to p/(1 - p)")
    mean = F.linear(input, weight, bias)
    dtype = torch.promote_types(input.dtype, torch.float32)
    with torch.autocast(input.device.type, enabled=False):
        variance = F.linear(input.to(dtype).square(), weight.to(dtype).square()) * (p / (1 - p))
    return mean, variance


class DropConnectLinear(nn.Linear, _DropoutNd):
    """Linear layer with masked weights: x (W * M)^T / q + c in training, x W^T + c in evaluation.

    Each row of the input has a mask of its own, which takes rows * out * in bytes; the bias is
    never masked, and the stored weights never change. It is a ``torch.nn.Linear``, whose
    ``state_dict`` it shares, and one of PyTorch's dropout layers. Parameters and errors are those
    of ``torch.nn.Linear`` and of `dropconnect_linear`, generators as for `Dropout`.
    Source: Wan et al. (2013).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        p: float = 0.5,
        bias: bool = True,
        inference: str = "mean",
        *,
        generator: Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        p = check_p(p)
        check_choice("inference", inference, "mean", "gaussian")
        super().__init__(in_features, out_features, bias, device, dtype)
        self.p = p
        self.inference = inference
        self.generator = generator
        self.register_forward_pre_hook(evaluates)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer in its mode; see `dropconnect_linear`."""
        options = (self.weight, self.bias, self.p, self.training, self.inference)
        return dropconnect_linear(input, *options, generator=self.generator)

    def moments(self, input: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the output over the masks (``thm-dropconnect-moments``).

        Of rows x, shape (..., in), they are x W^T + c and (p/q) (x * x)(W * W)^T, shape (..., out):
        the kept weights are divided by q. ValueError at p = 1, where the variance is infinite.
        """
        mean, variance = connect_moments(input, self.weight, self.bias, check_p(self.p))
        return mean, variance.to(mean.dtype)

    def extra_repr(self) -> str:
        """Text between the parentheses of the representation."""
        return f"{super().extra_repr()}, p={self.p}, inference={self.inference}"


def evaluates(module, inputs):
    """Hook that only has to be there.

    In evaluation `nn.TransformerEncoderLayer` runs a fused kernel that leaves out its dropout and
    linear layers, unless one of its modules has a hook: right only where those layers do nothing,
    or what `nn.Linear` does.
    """
