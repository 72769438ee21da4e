"""Dropout layers, exact ensembles and the checks behind the book *Dropout, Verified*.

The NumPy part needs NumPy only; `dropoutlib.nn` needs PyTorch and is imported by name.
"""

from dropoutlib.masks import enumerate_masks, mask_weights, sample_mask

__all__ = ["enumerate_masks", "mask_weights", "sample_mask"]
__version__ = "0.1.0"
