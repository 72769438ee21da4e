"""How the forms of a field make up an answer that the judge in Python takes.

Each entry gets a function of letters for every formula of the exercise, and numbers for the rest.
"""

from fractions import Fraction

import numpy as np

from dropoutlib.layers.alpha import DROPPED, alpha_affine

OPTIONS = {
    "p · 2⁵³ a whole number": lambda p: (p * 2.0**53).is_integer(),
    "p ≥ 1/2 only": lambda p: p >= 0.5,
    "any value": lambda p: True,
    "p ≥ 1/4": lambda p: p >= 0.25,
}


def alpha(mean, variance):
    def answer(mu, nu, p):
        given = {"mu": mu, "nu": nu, "p": p, "a": alpha_affine(p)[0], "d": DROPPED}
        return mean(**given), variance(**given)

    return answer


def threshold(form):
    def answer(values, strength):
        found = [
            form(**{"lambda": strength, "n": n, "A": values[:n].sum()})
            for n in range(1, len(values) + 1)
        ]
        # Those above the threshold are as many as it was computed from.
        fitting = [t for n, t in enumerate(found, 1) if (values > t).sum() == n]
        return fitting[-1] if fitting else found[0]

    return answer


def schedule(form):
    return lambda p, steps: lambda t: form(p=p, s=steps, t=t)


def backward(form):
    def answer(output, upstream, p):
        cells = zip(output.flat, upstream.flat, strict=True)
        found = [form(h=h, g=g, p=p) for h, g in cells]
        return np.array(found).reshape(output.shape)

    return answer


def gaussian(mask, noise):
    def answer(w, x, y, p):
        return [mask(w=w, x=x, y=y, p=p), noise(w=w, x=x, y=y, s=p / (1 - p))]

    return answer


FORMULAS = {
    "ex-formulation-skewness": lambda f: lambda p: f(p=p),
    "ex-formulation-covariance": lambda f: lambda W, x, p: f(W=W, x=x, p=p),
    "ex-formulation-silent": lambda f, n=None: lambda n, B, p: f(n=n, B=B, p=p),
    "ex-formulation-shared-mask": lambda f: lambda v, W, x, p: f(v=v, W=W, x=x, p=p),
    "ex-formulation-relu-gap": lambda f: lambda w, x, b, p: f(w=w, x=x, b=b, p=p),
    "ex-ensemble-unweighted": lambda f, g: lambda p: (f(p=p), g(p=p)),
    "ex-bayesian-mask-entropy": lambda f: lambda n, p: f(n=n, p=p),
    "ex-bayesian-smoothing": lambda f: lambda K, sigma, x: f(K=K, sigma=sigma, x=x),
    "ex-bayesian-falling-rate": lambda f: lambda x, S, w, tau: f(x=x, S=S, w=w, tau=tau),
    "ex-variants-sequence": lambda f, g: lambda x, p: (f(x=x, p=p), g(x=x, p=p)),
    "ex-variants-depth": lambda f: lambda L, q: f(L=L, q=q),
    "ex-variants-alpha": alpha,
    "ex-variants-correlation": lambda f: lambda w1, w2, v: f(w1=w1, w2=w2, v=v),
    "ex-gradients-two-masks": lambda f: lambda W, x, y, p: f(W=W, x=x, y=y, p=p),
    "ex-gradients-shared": lambda f: lambda N: float(f(N=N)),
    "ex-gradients-gaussian": gaussian,
    "ex-gradients-signal": lambda f: lambda n: f(n=n),
    "ex-gradients-no-mask": backward,
    "ex-gradients-entropy": lambda f: lambda p: f(p=p),
    "ex-noise-copies": lambda f: lambda k, p: f(k=k, p=p),
    "ex-noise-constant": lambda f: lambda p: f(p=p),
    "ex-noise-poisson": None,  # the page asks for two inputs, the judge for four
    "ex-noise-plateau": lambda f: lambda k, p: f(k=k, p=p),
    "ex-noise-threshold": threshold,
    "ex-implementation-together": lambda f: lambda u, b: f(u=u, b=b),
    "ex-implementation-schedule": schedule,
    "ex-systems-rollout": lambda f: lambda k, d, e, p: f(k=k, d=d, e=e, p=p),
    "ex-systems-behind": lambda f: lambda A, B, x, c, p: f(A=A, B=B, x=x, c=c, p=p),
    "ex-systems-workers": lambda f: lambda N, share: f(N=N, r=share),
    "ex-systems-window": lambda f: lambda n, p: f(n=n, p=p),
    "ex-sequences-scale": lambda f: lambda q, T: f(T=T, p=1 - q),
    "ex-sequences-keys": lambda f: lambda n, p: f(n=n, p=p),
    "ex-sequences-null": lambda f: lambda s, p, c, a, m, t: f(s=s, p=p, c=c, a=a, m=m, t=t),
    "ex-mistakes-realised": lambda f: lambda n, p: f(n=n, p=p),
    "ex-practice-relu": lambda f: lambda p: f(p=p),
    "ex-practice-half": lambda f: lambda p, v: f(p=p, v=v),
}


def whole(value):
    """A number, as an int where it is one."""
    return int(value) if value == int(value) else float(value)


def matrix(values):
    return np.array(values, dtype=float).reshape(2, 2)


def recipe(values):
    names = ("p", "rate", "penalty", "momentum", "scale")
    return {name: float(value) for name, value in zip(names, values, strict=True)}


NUMBERS = {
    "ex-formulation-silent": lambda values: whole(values[0]),
    "ex-formulation-recipe": recipe,
    "ex-gradients-stationary": lambda values: tuple(Fraction(value) for value in values),
    "ex-noise-per-sample": matrix,
    # What the judge asks for is a function; the page asks for its values at n = 20.
    "ex-ensemble-typical": None,
    "ex-implementation-half": None,  # no judge
    "ex-mistakes-half": None,
    # The judge asks for the formula; these are what follows from it.
    "ex-systems-rollout": None,
    "ex-systems-workers": None,
}


def of_numbers(label, values):
    """An answer of numbers; None where the judge wants something else."""
    if label in NUMBERS:
        make = NUMBERS[label]
        return make and make(values)
    numbers = [whole(value) for value in values]
    return numbers[0] if len(numbers) == 1 else tuple(numbers)
