"""Which tensors a pass keeps alive, and how many bytes they take."""

import functools
import weakref

import torch
from torch.utils._pytree import tree_iter

__all__ = ["Budget", "Kept", "Memory", "TooLargeError", "storages", "tensors"]


class TooLargeError(RuntimeError):
    """A pass takes more memory than it may."""


def tensors(tree):
    """The tensors in nested tuples, lists and dictionaries."""
    if isinstance(tree, torch.Tensor):  # by far the most frequent
        return [tree]
    return [leaf for leaf in tree_iter(tree) if isinstance(leaf, torch.Tensor)]


def storages(tree):
    """Addresses of the memory of the tensors in nested tuples, lists and dictionaries.

    Tensors of many passes at once, which vmap makes, have none.
    """
    addresses = set()
    for tensor in tensors(tree):
        try:
            addresses.add(tensor.untyped_storage().data_ptr())
        except NotImplementedError:
            continue
    return addresses


class Kept:
    """Result of a call, not kept alive until it is known to be needed.

    A tensor that nobody holds when the first noise is drawn cannot be used after it. In its
    place goes a tensor that looks the same and takes no memory.
    """

    def __init__(self, result):
        self.value = result
        self.look = None
        if type(result) is torch.Tensor:
            self.value = weakref.ref(result)
            self.look = result.shape, result.dtype, result.device

    def result(self):
        """The result, or what stands in for it."""
        if self.look is None:
            return self.value
        tensor = self.value()
        if tensor is None:
            shape, dtype, device = self.look
            tensor = torch.empty((), dtype=dtype, device=device).expand(shape)
        return tensor


class Memory:
    """Counts the bytes of tensors for as long as they live.

    Attributes
    ----------
    peak : int
        Largest number of bytes at one time.
    """

    def __init__(self):
        self.peak = 0
        self._bytes = 0
        self._users = {}  # number of living tensors by storage
        self._references = []

    def add(self, tree):
        """Count the tensors in nested tuples, lists and dictionaries."""
        for tensor in tensors(tree):
            storage = tensor.untyped_storage()
            address, size = storage.data_ptr(), storage.nbytes()
            self._users[address] = self._users.get(address, 0) + 1
            if self._users[address] == 1:
                self._bytes += size
                self.peak = max(self.peak, self._bytes)
            release = functools.partial(self._release, address, size)
            self._references.append(weakref.ref(tensor, release))

    def _release(self, address, size, reference):
        self._users[address] -= 1
        if not self._users[address]:
            self._bytes -= size


class Budget:
    """Counts the bytes of tensors that a number of passes makes, whether they live or not.

    Parameters
    ----------
    passes : int
        How often each tensor is there.
    limit : int
        Bytes from which on it is too much.
    """

    def __init__(self, passes, limit):
        self.passes = passes
        self.left = limit

    def add(self, tree):
        """Count the tensors in nested tuples, lists and dictionaries."""
        for tensor in tensors(tree):
            self.spend(tensor.numel() * tensor.element_size())

    def spend(self, size):
        """Count a tensor of this many bytes in one pass.

        Raises
        ------
        TooLargeError
            If the limit is reached.
        """
        self.left -= self.passes * size
        if self.left < 0:
            raise TooLargeError("the passes do not fit together")
