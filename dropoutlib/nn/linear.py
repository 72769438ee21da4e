"""DropConnect: a linear layer whose weights are masked."""

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from . import functional
from .functional.common import check_p
from .functional.linear import check_inference, dropconnect_moments

__all__ = ["DropConnectLinear"]


class DropConnectLinear(nn.Linear, _DropoutNd):
    """Linear layer with masked weights: x (W * M)^T / q + c in training, x W^T + c in evaluation.

    Each row of the input has a mask of its own, which takes rows * out * in bytes; the bias is
    never masked, and the stored weights never change. It is a ``torch.nn.Linear``, whose
    ``state_dict`` it shares, and one of PyTorch's dropout layers.

    Parameters
    ----------
    in_features, out_features : int
        Sizes of a row of the input and of the output.
    p : float
        Probability of dropping a weight, in [0, 1]. At p = 1 only the bias is left.
    bias : bool
        Whether there is a bias c.
    inference : {"mean", "gaussian"}
        Evaluation returns the mean, or a draw from the normal law with the mean and variance
        that `moments` gives. Average what the next nonlinearity makes of such draws to have the
        inference of Wan et al.
    generator : torch.Generator, optional
        Source of the masks and of the draws; by default PyTorch's global generator.
    device, dtype
        Of the weights, as for ``torch.nn.Linear``.

    Raises
    ------
    ValueError, TypeError
        For a wrong `p` or `inference`.

    References
    ----------
    Wan et al. (2013).
    """

    def __init__(
        self,
        in_features,
        out_features,
        p=0.5,
        bias=True,
        inference="mean",
        *,
        generator=None,
        device=None,
        dtype=None,
    ):
        p = check_p(p)
        check_inference(inference)
        super().__init__(in_features, out_features, bias, device, dtype)
        self.p = p
        self.inference = inference
        self.generator = generator

    def forward(self, input):
        """Apply the module in its mode; see `functional.dropconnect_linear`."""
        return functional.dropconnect_linear(
            input,
            self.weight,
            self.bias,
            self.p,
            self.training,
            self.inference,
            generator=self.generator,
        )

    def moments(self, input):
        """Mean and variance of the output over the masks (``thm-dropconnect-moments``).

        Parameters
        ----------
        input : Tensor, shape (..., in)

        Returns
        -------
        mean, variance : Tensor, shape (..., out)

        Raises
        ------
        ValueError
            At p = 1, where the variance is infinite.
        """
        return dropconnect_moments(input, self.weight, self.bias, check_p(self.p))

    def extra_repr(self):
        """Text between the parentheses of the representation."""
        return f"{super().extra_repr()}, p={self.p}, inference={self.inference}"
