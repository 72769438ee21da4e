"""Which tensors a pass keeps alive, and how many bytes they take."""

import functools
import weakref

import torch
from torch.utils._pytree import tree_iter

__all__ = ["Kept", "Memory", "storages", "tensors"]


def tensors(tree):
    """The tensors in nested tuples, lists and dictionaries."""
    if isinstance(tree, torch.Tensor):  # by far the most frequent
        return [tree]
    return [leaf for leaf in tree_iter(tree) if isinstance(leaf, torch.Tensor)]


def storages(tree):
    """Addresses of the memory of the tensors in nested tuples, lists and dictionaries."""
    with torch._C.DisableTorchFunction():
        return {tensor.untyped_storage().data_ptr() for tensor in tensors(tree)}


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
