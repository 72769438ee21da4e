"""Two models around a model, whose predictions come with their uncertainty."""

import torch
from torch import nn

from .sampling import mc_samples

__all__ = ["MCDropoutModel", "MCDropoutPredictor"]


class MCDropoutPredictor:
    """Mean and standard deviation of a model's output over networks drawn by dropout.

    Parameters
    ----------
    model : Module
        A trained model with dropout layers; its mode does not matter and is not changed.
    n_samples : int
        Number T of networks to draw, at least 1.
    **options
        Those of `mc_samples`, such as `rng` or `shared_mask`.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
    >>> mean, std = MCDropoutPredictor(net, rng=0).predict_with_uncertainty(torch.ones(4, 3))
    >>> mean.shape, std.shape
    (torch.Size([4, 1]), torch.Size([4, 1]))
    """

    def __init__(self, model, n_samples=100, **options):
        self.model = model
        self.n_samples = n_samples
        self.options = options

    def predict_with_uncertainty(self, x):
        """Predict, and say how far the networks drawn differ.

        Parameters
        ----------
        x : Tensor, shape (N, ...)
            The inputs.

        Returns
        -------
        mean, std : Tensor
            Of the shape of the model's output. The deviation is that among the T samples, with
            the divisor T as in `decompose_variance`, and 0 for T = 1; the model's noise of the
            data, 1/tau in Gal and Ghahramani (2016), equation 7, comes on top.

        Raises
        ------
        ValueError, TypeError
            As `mc_samples`.
        """
        samples = mc_samples(self.model, x, self.n_samples, **self.options)
        return samples.mean(dim=0), samples.std(dim=0, correction=0)


class MCDropoutModel(nn.Module):
    """A classifier whose class probabilities are averages over networks drawn by dropout.

    The softmax comes before the average: it is the mean probability that is predicted, not the
    softmax of the mean logit.

    Parameters
    ----------
    base_model : Module
        Classifier with dropout layers that returns logits of shape (N, C) or (N, C, ...), classes
        on axis 1. Called itself, the model is the `base_model`.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 5))
    >>> mean, entropy = MCDropoutModel(net).entropy_uncertainty(torch.ones(4, 3))
    >>> mean.shape, entropy.shape
    (torch.Size([4, 5]), torch.Size([4]))
    """

    def __init__(self, base_model):
        super().__init__()
        self.base_model = base_model

    def forward(self, *args, **kwargs):
        """Logits of the `base_model` in its mode."""
        return self.base_model(*args, **kwargs)

    def samples(self, x, n_samples=50, **options):
        """Class probabilities of single networks, of shape (T, N, C, ...).

        Parameters
        ----------
        x : Tensor, shape (N, ...)
            The inputs.
        n_samples : int
            Number T of networks to draw, at least 1.
        **options
            Those of `mc_samples`, such as `rng` or `shared_mask`.

        Raises
        ------
        ValueError, TypeError
            As `mc_samples`, and if the outputs have no axis of classes.
        """
        logits = mc_samples(self.base_model, x, n_samples, **options)
        if logits.dim() < 3:
            raise ValueError(
                "base_model must return logits of shape (N, C) or (N, C, ...), got outputs of "
                f"shape {tuple(logits.shape[1:])}"
            )
        return logits.softmax(dim=2)

    def predict_with_uncertainty(self, x, n_samples=50, **options):
        """Mean and variance of the class probabilities over the networks drawn.

        Parameters and errors as for `samples`.

        Returns
        -------
        mean, var : Tensor, shape (N, C, ...)
            The variance has the divisor T, and is 0 for T = 1.
        """
        samples = self.samples(x, n_samples, **options)
        return samples.mean(dim=0), samples.var(dim=0, correction=0)

    def entropy_uncertainty(self, x, n_samples=50, **options):
        """Mean of the class probabilities, and its entropy.

        Parameters and errors as for `samples`.

        Returns
        -------
        mean : Tensor, shape (N, C, ...)
        entropy : Tensor, shape (N, ...)
            In nats, from 0 to log C: `predictive_entropy` of the samples.
        """
        mean = self.samples(x, n_samples, **options).mean(dim=0)
        return mean, torch.special.entr(mean).sum(dim=1)
