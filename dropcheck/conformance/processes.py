"""The layer in a process of its own, as a second worker or the run of another day has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

from .adapters import NotOffered
from .subject import Raised, Subject
from .targets import load, name_of

__all__ = ["ELSEWHERE", "masks_elsewhere"]

ELSEWHERE = 5  # the seed
SECONDS = 300


def masks_elsewhere(subject: Subject) -> tuple[str, str | None]:
    """Return a mask that a new process draws without a seed, and one with a seed if offered.

    Raises
    ------
    NotOffered
        If the layer has no name by which another process can import it, or none can start there.
    """
    adapter = subject.adapter
    name = name_of(type(adapter))
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
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise NotOffered(f"another process gave no mask in {SECONDS} s") from None
    if done.returncode:
        raise NotOffered(f"another process cannot draw a mask: {done.stderr.strip()[-120:]}")
    bare, seeded = json.loads(done.stdout.splitlines()[-1])
    return bare, seeded


def _answer() -> None:
    """Print, in the new process, what `masks_elsewhere` asks for, on the last line."""
    name, adapter, words, kind, spatial = json.loads(sys.argv[1])
    found = load(adapter)(load(name), **words)
    subject = Subject(found, kind, 0.5, 0, 0.0, spatial)
    x = np.ones(subject.shape(64, 50), "float32")
    bare, seeded = subject.pack(subject.train(x)), None
    try:
        layer = subject.layer(0.5)
        found.seed(layer, ELSEWHERE)
        seeded = subject.pack(found.numpy(subject.run(layer, x)))
    except (NotOffered, Raised):
        pass
    print("\n" + json.dumps([bare, seeded]))
