"""Moments of the mask of concrete dropout, which is relaxed to be differentiable in p."""

import mpmath

__all__ = ["relaxed_moments"]


def relaxed_moments(p, temperature):
    """Mean and variance of the relaxed drop indicator, by quadrature over its noise.

    Parameters
    ----------
    p, temperature : float

    Returns
    -------
    mean, variance : float
    """
    with mpmath.workdps(30):
        a, t = mpmath.log(mpmath.mpf(p) / (1 - mpmath.mpf(p))), mpmath.mpf(temperature)
        # Both factors change over their own scale: around 0, and around -a over t.
        cuts = sorted({-80, -a - 60 * t, -a - 8 * t, -a, -a + 8 * t, -a + 60 * t, 0, 80})

        def integrate(power):
            def integrand(noise):
                density = 1 / (4 * mpmath.cosh(noise / 2) ** 2)
                return density / (1 + mpmath.exp(-(noise + a) / t)) ** power

            return mpmath.quad(integrand, cuts)

        mean = integrate(1)
        return float(mean), float(integrate(2) - mean**2)
