"""Run experiments through joblib, store each seed as it ends, and take up what was interrupted."""

import importlib.metadata
import json
import platform
import time

import joblib
from tqdm import tqdm

from book import data

from . import registration, results

__all__ = ["hours", "missing", "run", "work"]

PACKAGES = ("dropoutlib", "numpy", "scikit-learn", "scipy", "torch")


def run(experiment, version="full", *, jobs=1, folder=results.FOLDER, progress=True):
    """Run what is missing of an experiment, and return its `Results`.

    The runs go through `joblib.Parallel`, so ``with joblib.parallel_config(backend=...)`` around
    the call spreads them by any backend that joblib has. Stopped at any time, it keeps what has
    ended. Records made with other settings than today's are run again.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    version : {"full", "small", "pilot"}
        In which version.
    jobs : int
        Number of processes, one thread each.
    folder : path
        Where the results are stored.
    progress : bool
        Whether to show a bar.

    Raises
    ------
    book.data.DatasetNotFoundError
        If a set that it needs is not there; nothing has been run then.
    ValueError
        If the full results were stored under another registration than today's file, or are
        of a registered study and have other settings.
    """
    found = _stored(experiment, version, folder)
    tasks = missing(experiment, version, found)
    if not tasks:
        return found
    for name in experiment.versions[version].data:
        loaded = data.load(name)
        found.data[name] = {"licence": loaded.licence, "citation": loaded.citation}
    pool = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    ended = pool(joblib.delayed(work)(experiment, version, *task) for task in tasks)
    total = sum(len(seeds) for seeds, _ in tasks)
    with tqdm(
        total=total, desc=f"{experiment.id} {version}", unit="run", disable=not progress
    ) as bar:
        for seeds, arm, metrics, seconds, environment in ended:
            for seed, of_seed in zip(seeds, metrics, strict=True):
                found.add(seed, arm, of_seed, seconds / len(seeds), environment)
            results.save(found, folder)
            bar.update(len(seeds))
    return found


def _stored(experiment, version, folder):
    """What is stored, without what the experiment no longer asks for."""
    settings = json.loads(json.dumps(experiment.versions[version].settings))
    registered = registration.digest(experiment.id) if version == "full" else None
    empty = results.Results(
        id=experiment.id,
        title=experiment.title,
        version=version,
        settings=settings,
        registered=registered,
    )
    found = results.read(experiment.id, version, folder)
    if found is None or (found.settings != settings and found.registered is None):
        return empty
    if found.settings != settings:
        raise ValueError(
            f"the full results of {experiment.id} are of a registered study, whose settings have "
            "changed since: put them back, or give the changed study an id of its own"
        )
    if found.registered != registered:
        raise ValueError(
            f"the results of {experiment.id} were stored under another registration than "
            f"{registration.path_of(experiment.id)} has now: restore the file as it was, or "
            "give the changed study an id of its own"
        )
    found.title = experiment.title
    wanted = {(arm, s) for arm in experiment.arms for s in experiment.versions[version].seeds}
    found.records = [r for r in found.records if (r["arm"], r["seed"]) in wanted]
    return found


def missing(experiment, version, found):
    """Return what is to run: pairs of a tuple of seeds and an arm, seed by seed.

    Whoever stops early has whole pairs, not one whole arm.
    """
    done = {(record["arm"], record["seed"]) for record in found.records} if found else set()
    seeds, size = experiment.versions[version].seeds, experiment.batch
    tasks = []
    for start in range(0, len(seeds), size):
        for arm in experiment.arms:
            left = tuple(s for s in seeds[start : start + size] if (arm, s) not in done)
            tasks += [(left, arm)] if left else []
    return tasks


def work(experiment, version, seeds, arm):
    """Run one task on one thread; return it with its metrics, its seconds and its environment."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.process_time()  # what other programs take of the processor is not its time
    try:
        metrics = experiment.run(seeds, arm, version)
    finally:
        torch.set_num_threads(threads)
    return seeds, arm, metrics, time.process_time() - start, _environment()


def _environment():
    found = {package: importlib.metadata.version(package) for package in PACKAGES}
    return {"python": platform.python_version(), "machine": platform.machine()} | found


def hours(chosen, version="full", folder=results.FOLDER, cores=2):
    """Hours that the chosen experiments take, from the seconds stored, and the ids without any.

    Parameters
    ----------
    chosen : iterable of Experiment
    version : str
    folder : path
        Where the results are stored.
    cores : int
        Between how many the work is divided.

    Returns
    -------
    hours : float
    unknown : list of str
        Experiments of which nothing is stored; they are not in the hours.
    """
    seconds, unknown = 0.0, []
    for experiment in chosen:
        found = results.read(experiment.id, version, folder)
        if found is None or not found.records:
            unknown.append(experiment.id)
            continue
        runs = len(experiment.arms) * len(experiment.versions[version].seeds)
        seconds += found.seconds / len(found.records) * runs
    return seconds / cores / 3600, unknown
