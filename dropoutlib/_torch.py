"""Imported first by what needs PyTorch, to say in one sentence what to do where that is missing."""

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":  # something that PyTorch itself needs
        raise
    raise ModuleNotFoundError(
        'this part of dropoutlib needs PyTorch: pip install "dropoutlib[torch]"', name="torch"
    ) from None
