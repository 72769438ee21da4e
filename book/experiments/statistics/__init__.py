"""What stored results show: paired differences over seeds, with a margin fixed beforehand.

The unit of replication is the seed. Every function returns a `Comparison`, which a claim test
gives to the ledger; a difference is claimed only when its lower bound exceeds the margin, and
"no difference" only when an equivalence test shows it.
"""

from .comparison import Comparison
from .means import against_paper, equivalent, greater, interval, within
from .rows import mcnemar
from .several import holm, trend

__all__ = [
    "Comparison",
    "against_paper",
    "equivalent",
    "greater",
    "holm",
    "interval",
    "mcnemar",
    "trend",
    "within",
]
