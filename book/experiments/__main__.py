"""Run experiments: ``python -m book.experiments R1 R4 --jobs 2``, by default all in full size."""

import argparse
import signal
import sys

import numpy as np

from book.data import DatasetNotFoundError

from . import results
from .registry import VERSIONS, experiments
from .runner import hours, run


def compare(experiment, version, new, old):
    """Yield how far each number of a new run is from the stored one, a line for each arm."""
    for arm in experiment.arms:
        for metric, value in old.records[0]["metrics"].items():
            if isinstance(value, list):
                continue
            before, now = old.values(arm, metric), new.values(arm, metric)
            moved = np.abs(now - before).max() if before.shape == now.shape else np.nan
            yield (
                f"{experiment.id} {arm}: {metric} {now.mean():.4g}, stored {before.mean():.4g}, "
                f"no seed moved by more than {moved:.2g}"
            )


def main(argv=None):
    """Run what is asked for; say beforehand how long it takes, afterwards how it compares."""
    known = experiments()
    parser = argparse.ArgumentParser(prog="python -m book.experiments", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"of {', '.join(known)}")
    parser.add_argument("--version", choices=VERSIONS, default="full")
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument(
        "--folder",
        default=results.FOLDER,
        help="where results are stored; in another than the default they are compared with those",
    )
    arguments = parser.parse_args(argv)
    unknown = sorted(set(arguments.ids) - set(known))
    if unknown:
        parser.error(f"no experiment {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[id] for id in arguments.ids or known]
    total, unmeasured = hours(chosen, arguments.version)
    remark = f", and {', '.join(unmeasured)} which nobody has timed" if unmeasured else ""
    print(f"all of it takes {total:.2f} hours on two cores{remark}; it can be stopped and resumed")
    absent = 0
    for experiment in chosen:
        try:
            found = run(experiment, arguments.version, jobs=arguments.jobs, folder=arguments.folder)
        except DatasetNotFoundError as error:
            print(f"{experiment.id} is left out: {error}", file=sys.stderr)
            absent += 1
            continue
        stored = results.read(experiment.id, arguments.version)
        if arguments.folder != results.FOLDER and stored is not None:
            print("\n".join(compare(experiment, arguments.version, found, stored)))
    return int(absent > 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("stopped; what had ended is stored, the same command goes on", file=sys.stderr)
        sys.exit(130)
