"""The layer in a process of its own, as a second worker or the run of another day has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np

from .adapters import NotOffered
from .subject import Raised, Subject
from .targets import load

__all__ = ["ELSEWHERE", "masks_elsewhere", "pack"]

ELSEWHERE = 5  # the seed
SECONDS = 120


def pack(subject: Subject, y: np.ndarray) -> str:
    """Return which entries of an output for ones at p = 1/2 were dropped, as text."""
    return np.packbits(subject.dropped(y, 0.5)).tobytes().hex()


def masks_elsewhere(subject: Subject) -> list[list[str | None]]:
    """Return, from each of two new processes, a mask without a seed, and one with it if offered.

    Raises
    ------
    NotOffered
        If the layer has no name by which another process can import it, or none can start there.
    """
    adapter = subject.adapter
    name = f"{type(adapter).__module__}:{type(adapter).__qualname__}"
    try:
        found = load(subject.name) is adapter.target and load(name) is type(adapter)
        words = {"argument": adapter.argument, "keep": adapter.keep, "options": adapter.options}
        asked = json.dumps([subject.name, name, words, subject.kind, subject.spatial])
    except (TypeError, ValueError) as error:
        raise NotOffered(f"another process cannot import the layer: {error}") from error
    if not found or "__main__" in asked:
        raise NotOffered("the layer has no name by which another process can import it")
    command = [sys.executable, "-c", f"from {__name__} import _answer; _answer()", asked]
    paths = os.pathsep.join(path or os.curdir for path in sys.path)
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "random"}
    running = [
        subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        for _ in range(2)
    ]
    try:
        outputs = [process.communicate(timeout=SECONDS) for process in running]
    except subprocess.TimeoutExpired:
        raise NotOffered(f"another process gave no mask in {SECONDS} s") from None
    finally:
        for process in running:
            process.kill()
    for process, (_, told) in zip(running, outputs, strict=True):
        if process.returncode:
            raise NotOffered(f"another process cannot draw a mask: {told.strip()[-120:]}")
    return [json.loads(printed.splitlines()[-1]) for printed, _ in outputs]


def _answer() -> None:
    """Print, in the new process, what `masks_elsewhere` asks for, on the last line."""
    name, adapter, words, kind, spatial = json.loads(sys.argv[1])
    found = load(adapter)(load(name), **words)
    subject = Subject(found, kind, 0.5, 0, 0.0, spatial)
    x = np.ones(subject.shape(64, 50), "float32")
    masks: list[Any] = [pack(subject, subject.train(x))]
    try:
        layer = subject.layer(0.5)
        found.seed(layer, ELSEWHERE)
        masks.append(pack(subject, found.numpy(subject.run(layer, x))))
    except (NotOffered, Raised):
        masks.append(None)
    print("\n" + json.dumps(masks))
