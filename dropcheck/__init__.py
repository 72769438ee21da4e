"""Check a mathematical statement, and say how far the check can be trusted.

Every function returns a `Report`, which is true when the statement passed and carries the
probability or the rounding bound of a wrong verdict, and what is taken for granted (`assumes`).
A check is about the case it is given: three units and any p is not any number of units. One
method for each kind of statement:

===================  =====================================  =======================================
function             statement                              trust
===================  =====================================  =======================================
`identity`           equality of rational functions         ``false pass <= d / (|S| - d)``
`enumeration`        mean over all 2^n masks                proved rounding bound, or exact
`mean_test`          mean of random draws                   false alarm and power, for every N
`variance_test`      their variance                         false alarm and power, for every N
`rate_test`          share of units that are kept           false alarm and power, for every N
`gradient`           derivative                             error bound under stated assumptions
`check_backward`     backward pass of a layer               error bound under stated assumptions
`order`              order of an approximation              interval under a stated assumption
`bound`              inequality                             the number of cases tried
===================  =====================================  =======================================

A dropout layer of any framework is examined by `dropcheck.conformance`, or by
``python -m dropcheck torch.nn:Dropout``.
"""

from .average import enumeration, expectation
from .backward import check_backward, same_noise
from .concentration import samples_needed
from .derivative import gradient
from .exact import identity
from .montecarlo import mean_test, rate_test, variance_test
from .rates import bound, order, slope
from .report import Report

__all__ = [
    "Report",
    "bound",
    "check_backward",
    "enumeration",
    "expectation",
    "gradient",
    "identity",
    "mean_test",
    "order",
    "rate_test",
    "same_noise",
    "samples_needed",
    "slope",
    "variance_test",
]
