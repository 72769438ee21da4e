"""An optional progress bar."""

import contextlib

__all__ = ["progress_bar"]


def progress_bar(total, shown):
    """Context that yields a function to call with the number of samples that are done.

    Raises
    ------
    ImportError
        If it shall be shown and tqdm is not installed.
    """
    if not shown:
        return contextlib.nullcontext(lambda done: None)
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "progress=True needs tqdm: pip install 'dropoutlib[progress]', or leave it off"
        ) from error
    return _updates(tqdm(total=total, unit="sample"))


@contextlib.contextmanager
def _updates(bar):
    with bar:
        yield lambda done: bar.update(done - bar.n)
