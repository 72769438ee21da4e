"""Examine the layers of `book/scorecard/frameworks.yml`, each in an environment of its framework.

Environments are kept in ``.venv/scorecard``, or in the folder that ``SCORECARD_CACHE`` names, and
what was examined with the same suite and the same packages is not examined again. Results go to
``book/scorecard/results``, one file a layer, and the five lines that show a fault without the
suite are run as well.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from book import scorecard
from book.scripts.versions import ROOT

RESULTS = scorecard.FOLDER / "results"
CACHE = Path(os.environ.get("SCORECARD_CACHE", ROOT / ".venv" / "scorecard"))
KEPT = ("name", "status", "seen", "false_alarm", "power")
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "PYTHONUTF8": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def python(name, lines):
    """Return the Python of an environment, which is made if it is not there or is another."""
    folder = CACHE / name
    found = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp = folder / "installed.txt"
    wanted = "\n".join(lines)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return found
    print(f"{name}: installing", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    index = os.environ.get("TORCH_INDEX")
    options = ["--quiet", "--disable-pip-version-check"]
    options += ["--extra-index-url", index] if index else []
    for line in lines:
        command = [found, "-m", "pip", "install", *options, *shlex.split(line)]
        subprocess.run(command, check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return found


def surroundings(entry):
    """Return the variables that a layer is examined with."""
    paths = {"PYTHONPATH": str(ROOT)}
    backend = {"KERAS_BACKEND": entry["backend"]} if "backend" in entry else {}
    return {**os.environ, **ENVIRONMENT, **paths, **backend}


def examine(entry, interpreter, again):
    """Run the suite on one layer, and store what it found; return a line that tells it."""
    target = RESULTS / f"{entry['id']}.json"
    suite = scorecard.digest(entry)
    if target.exists() and not again:
        stored = json.loads(target.read_text(encoding="utf-8"))
        if stored["suite"] == suite and stored["run"] == entry["run"]:
            return "stored already"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [interpreter, "-m", "dropcheck", *shlex.split(entry["run"]), "--json", report]
        done = subprocess.run(
            command, cwd=ROOT, env=surroundings(entry), capture_output=True, encoding="utf-8"
        )
        if not report.exists():
            return f"could not be examined: {(done.stderr or done.stdout).strip()[-300:]}"
        found = json.loads(report.read_text(encoding="utf-8"))
    if "package" in entry:
        code = f"from importlib.metadata import version; print(version({entry['package']!r}))"
        done = subprocess.run([interpreter, "-c", code], capture_output=True, encoding="utf-8")
        found["versions"] = {entry["package"]: done.stdout.strip(), **found["versions"]}
    outcomes = [{key: outcome[key] for key in KEPT} for outcome in found.pop("outcomes")]
    stored = {"suite": suite, "run": entry["run"], **found, "outcomes": outcomes}
    target.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    faults = sum(outcome["status"] == "fault" for outcome in outcomes)
    return f"{faults} faults, {found['seconds']:.0f} s"


def confirm(fault, interpreter):
    """Run the lines that show a fault without the suite; return what they print, or None."""
    done = subprocess.run(
        [interpreter, "-c", fault["code"]],
        cwd=tempfile.gettempdir(),
        env=surroundings(fault),
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        print(done.stderr[-1000:], file=sys.stderr)
        return None
    return done.stdout.strip()


def confirm_all(interpreters):
    """Run the lines of every fault whose environment is there, and store what they print."""
    target = RESULTS / "faults.json"
    stored = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    known = {fault["id"]: fault for fault in scorecard.faults()}
    stored = {name: entry for name, entry in stored.items() if name in known}
    for name, fault in known.items():
        if fault["environment"] in interpreters:
            printed = confirm(fault, interpreters[fault["environment"]])
            print(f"  {name}: {'NOT SHOWN' if printed is None else printed}", flush=True)
            if printed is None:
                stored.pop(name, None)
            else:
                stored[name] = {"code": fault["code"], "printed": printed}
    target.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def main():
    """Examine all layers, or those of the environments or ids that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", help="environments, or ids of layers")
    parser.add_argument("--again", action="store_true", help="also what is stored already")
    parser.add_argument("--lines", action="store_true", help="the five lines of each fault only")
    asked = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    interpreters, entries = {}, scorecard.layers()
    for name, lines in scorecard.requirements().items():
        mine = [entry for entry in entries if entry["environment"] == name]
        mine = [e for e in mine if not asked.only or {name, e["id"]} & set(asked.only)]
        if not mine:
            continue
        try:
            interpreters[name] = python(name, lines)
        except subprocess.CalledProcessError:
            print(f"{name}: cannot be installed here, and is left out", file=sys.stderr)
            continue
        for entry in [] if asked.lines else mine:
            told = examine(entry, interpreters[name], asked.again)
            place = entries.index(entry) + 1
            print(f"[{place}/{len(entries)}] {entry['id']}: {told}", flush=True)
    confirm_all(interpreters)


if __name__ == "__main__":
    main()
