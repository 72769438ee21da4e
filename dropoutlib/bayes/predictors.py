"""Predictions with their uncertainty: what samples say, and two models around a model."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn

from . import uncertainty
from .sampling import mc_samples


class Prediction:
    """What T samples of a prediction say. Each field is computed when it is first asked for.

    Mean and variance have the divisor T, in single precision at least. The other fields are the
    measures of these names, `entropy` that of `predictive_entropy`, for class probabilities.

    Parameters
    ----------
    samples : Tensor, shape (T, N, ...)
        As `mc_samples` gives them, with classes, if any, on axis 2.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 5))
    >>> found = Prediction(mc_samples(net, torch.ones(4, 3), 20).softmax(2))
    >>> found.mean.shape, found.entropy.shape
    (torch.Size([4, 5]), torch.Size([4]))
    """

    def __init__(self, samples: torch.Tensor):
        if not isinstance(samples, torch.Tensor):
            raise TypeError(
                f"a prediction is made of one tensor, got {type(samples).__name__}; name it, such "
                "as output=lambda result: result.logits"
            )
        self.samples = samples

    @functools.cached_property
    def _wide(self):
        """The samples, in which squares neither overflow nor vanish."""
        if self.samples.is_floating_point() or self.samples.is_complex():
            return self.samples.to(torch.promote_types(self.samples.dtype, torch.float32))
        return self.samples.to(torch.get_default_dtype())

    @functools.cached_property
    def mean(self) -> torch.Tensor:
        """Mean of the samples, shape (N, ...)."""
        return self._wide.mean(dim=0)

    @functools.cached_property
    def var(self) -> torch.Tensor:
        """Variance of the samples, shape (N, ...); 0 for T = 1."""
        return self._wide.var(dim=0, correction=0)

    @functools.cached_property
    def std(self) -> torch.Tensor:
        """Standard deviation of the samples, shape (N, ...); 0 for T = 1."""
        return self.var.sqrt()

    @functools.cached_property
    def entropy(self) -> torch.Tensor:
        """Entropy of the mean probabilities, in nats, shape (N, ...): total uncertainty."""
        return uncertainty.predictive_entropy(self.samples)

    @functools.cached_property
    def expected_entropy(self) -> torch.Tensor:
        """Mean of the entropies, in nats, shape (N, ...): aleatoric uncertainty."""
        return uncertainty.expected_entropy(self.samples)

    @functools.cached_property
    def mutual_information(self) -> torch.Tensor:
        """The difference of both, in nats, shape (N, ...): epistemic uncertainty."""
        return uncertainty.mutual_information(self.samples)

    @functools.cached_property
    def variation_ratio(self) -> torch.Tensor:
        """Share of samples that do not vote for the class most voted for, shape (N, ...)."""
        return uncertainty.variation_ratio(self.samples)


class MCDropoutPredictor:
    """Mean and standard deviation of a model's output over networks drawn by dropout.

    Its conventions, T = 100 and a *deviation*, are not those of `MCDropoutModel`, T = 50 and a
    *variance*: both are those of the notes that the book grew out of. `predict` has named fields.

    Parameters
    ----------
    model : Module
        A trained model with dropout layers; its mode does not matter and is not changed.
    n_samples : int
        Number T of networks to draw, at least 1.
    **options
        Those of `mc_samples`, such as `rng`, `output` or `shared_mask`.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
    >>> mean, std = MCDropoutPredictor(net, rng=0).predict_with_uncertainty(torch.ones(4, 3))
    >>> mean.shape, std.shape
    (torch.Size([4, 1]), torch.Size([4, 1]))
    """

    def __init__(self, model: nn.Module, n_samples: int = 100, **options: Any):
        self.model = model
        self.n_samples = n_samples
        self.options = options

    def predict(self, *args: Any, **kwargs: Any) -> Prediction:
        """What the networks drawn say of these arguments of the model; errors as `mc_samples`."""
        given = {"n_samples": self.n_samples, **self.options, **kwargs}
        return Prediction(mc_samples(self.model, *args, **given))

    def predict_with_uncertainty(self, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
        """Mean and standard deviation of the T samples, each of the shape of the model's output.

        Parameters and errors as for `predict`. The deviation has the divisor T, and is 0 for
        T = 1; the noise of the data, a variance of 1/tau in Gal and Ghahramani (2016), equation 7,
        comes on top.
        """
        found = self.predict(*args, **kwargs)
        return found.mean, found.std


class MCDropoutModel(nn.Module):
    """A classifier whose class probabilities are averages over networks drawn by dropout.

    The softmax comes before the average: it is the mean probability that is predicted, not the
    softmax of the mean logit. Its conventions are not those of `MCDropoutPredictor`, which says so.

    Parameters
    ----------
    base_model : Module
        Classifier with dropout layers that returns logits of shape (N, C) or (N, C, ...), at least
        two classes on axis 1. Called itself, the model is the `base_model`.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 5))
    >>> mean, entropy = MCDropoutModel(net).entropy_uncertainty(torch.ones(4, 3))
    >>> mean.shape, entropy.shape
    (torch.Size([4, 5]), torch.Size([4]))
    """

    def __init__(self, base_model: nn.Module):
        super().__init__()
        self.base_model = base_model

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Logits of the `base_model` in its mode."""
        return self.base_model(*args, **kwargs)

    def samples(self, x: Any, n_samples: int = 50, **options: Any) -> torch.Tensor:
        """Class probabilities of single networks, of shape (T, N, C, ...).

        Errors are those of `mc_samples`, and ValueError if outputs have no axis of at least two
        classes.

        Parameters
        ----------
        x : Tensor, shape (N, ...), or tuple
            The inputs, or all arguments of the model.
        n_samples : int
            Number T of networks to draw, at least 1.
        **options
            Those of `mc_samples`, such as `rng` or `output`, and the model's own.
        """
        logits = Prediction(mc_samples(self.base_model, x, n_samples, **options))._wide
        if logits.dim() < 3 or logits.shape[2] < 2:
            raise ValueError(
                "base_model must return logits of shape (N, C) or (N, C, ...) of at least two "
                f"classes, got outputs of shape {tuple(logits.shape[1:])}; one logit z of a "
                "sigmoid is two: output=lambda z: torch.cat([0 * z, z], dim=1)"
            )
        return logits.softmax(dim=2)

    def predict(self, x: Any, n_samples: int = 50, **options: Any) -> Prediction:
        """The probabilities and all that they say; parameters and errors as for `samples`."""
        return Prediction(self.samples(x, n_samples, **options))

    def predict_with_uncertainty(
        self, x: Any, n_samples: int = 50, **options: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance of the class probabilities over the networks drawn, (N, C, ...).

        Parameters and errors as for `samples`. The variance has the divisor T, and is 0 for T = 1.
        """
        found = self.predict(x, n_samples, **options)
        return found.mean, found.var

    def entropy_uncertainty(
        self, x: Any, n_samples: int = 50, **options: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean of the class probabilities, (N, C, ...), and its entropy in nats, (N, ...).

        Parameters and errors as for `samples`. The entropy lies between 0 and log C.
        """
        found = self.predict(x, n_samples, **options)
        return found.mean, torch.special.entr(found.mean).sum(dim=1)
