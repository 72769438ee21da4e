"""Tell, while chapters run, which they are, at which cell, and for how long."""

import asyncio
import contextlib
import shutil
import sys
import time

CLEAR = "\r\033[K"


class Progress:
    """One line that follows the work on a terminal; elsewhere a line now and then.

    Used as an asynchronous context manager around the work.
    """

    INTERVALS = 10, 0.2  # seconds between two lines: in a log, on a terminal

    def __init__(self, total, stream=None):
        self.total, self.finished, self.running = total, 0, {}
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty()

    def cell(self, name, number, total):
        """Note that a chapter has come to a cell."""
        start = self.running[name][0] if name in self.running else time.perf_counter()
        self.running[name] = (start, f"cell {number} of {total}")

    def done(self, name, message):
        """Note that a chapter has ended, and how."""
        self.running.pop(name, None)
        self.finished += 1
        clear = CLEAR if self.terminal else ""
        print(f"{clear}[{self.finished}/{self.total}] {message}", file=self.stream, flush=True)

    async def __aenter__(self):
        self.reporter = asyncio.create_task(self._report(self.INTERVALS[self.terminal]))
        return self

    async def __aexit__(self, *exception):
        self.reporter.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.reporter
        if self.terminal:
            print(CLEAR, end="", file=self.stream, flush=True)

    async def _report(self, interval):
        while True:
            await asyncio.sleep(interval)
            now = time.perf_counter()
            states = [
                f"{name}: {cell}, {now - start:.0f} s"
                for name, (start, cell) in self.running.items()
            ]
            if self.terminal:
                width = shutil.get_terminal_size().columns - 1
                line = f"[{self.finished}/{self.total}] {'  '.join(states)}"
                print(CLEAR + line[:width], end="", file=self.stream, flush=True)
            elif states:
                print("  ".join(states), file=self.stream, flush=True)
