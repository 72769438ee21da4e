"""Answers to the exercises of the chapter Bayesian."""

import itertools
import math

import numpy as np

from .registry import all_of, entropy_of_masks, equal, exercise, random_rates, same


@exercise("ex-bayesian-passes", "two numbers of passes: for an error of 10 %, and of 1 %")
def passes(answer):
    """Put the numbers into the variance of the variance of a normal law."""
    errors = [math.sqrt(2 / (T - 1)) / 2 for T in answer]
    return equal(np.array(errors) * [10, 100], [1.0, 1.0], 0.03)


@exercise("ex-bayesian-mask-entropy", "a function of n, p: the bound on the mutual information")
def mask_entropy(answer):
    """Compare with the entropy summed over all masks."""

    def one(n):
        (p,) = random_rates(1)
        return equal(answer(n, p), entropy_of_masks(n, p), 1e-9)

    return all_of(one(n) for n in (1, 2, 5, 8))


@exercise("ex-bayesian-smoothing", "a function of K, sigma, x: what is added to the squared error")
def smoothing(answer):
    """Average over all signs of noise of that width on every entry of a K x 2 matrix."""

    def added(outputs):
        signs = list(itertools.product((-1, 1), repeat=2 * outputs))
        noise = np.array(signs, dtype=object).reshape(-1, outputs, 2)
        return lambda v: ((v[0] * noise @ v[1:]) ** 2).sum() / len(signs)

    return all_of(
        same(added(outputs), lambda v, outputs=outputs: answer(outputs, v[0], v[1:]), 3)
        for outputs in (1, 2, 3)
    )


@exercise("ex-bayesian-falling-rate", "a function of x, S, w, tau: the c of p_N = c / N")
def falling_rate(answer):
    """Compare both variances at an N so large that only the limit is seen."""

    def one():
        generator = np.random.default_rng()
        x, w = generator.standard_normal((2, 3))
        root = generator.standard_normal((3, 3)) + 2 * np.eye(3)
        S, tau, N = root @ root.T, 1 + generator.random(), 1e12
        p = answer(x, S, w, tau) / N
        dropout = p / (1 - p) * np.sum((w * x) ** 2)
        exact = x @ np.linalg.solve(N * S * tau, x)
        return equal(dropout / exact, 1.0, 1e-6)

    return all_of(one() for _ in range(10))


ACTIVATIONS = {
    "absolute value": np.abs,
    "softplus": lambda z: np.logaddexp(0, z),
    "identity": lambda z: z,
    "leaky ReLU": lambda z: np.where(z > 0, z, 0.1 * z),
    "ELU": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "tanh": np.tanh,
}


@exercise("ex-bayesian-activations", f"the set of names: {', '.join(ACTIVATIONS)}")
def activations(answer):
    """Look for a bend downwards in the square of each."""
    if set(answer) - set(ACTIVATIONS):
        raise TypeError(f"no name is {sorted(set(answer) - set(ACTIVATIONS))[0]!r}")
    z = np.linspace(-8, 8, 3201)
    convex = {name for name, f in ACTIVATIONS.items() if np.diff(f(z) ** 2, 2).min() > -1e-12}
    return equal(len(convex ^ set(answer)), 0)
