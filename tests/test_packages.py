"""What users install: three wheels from one checkout, tried where the checkout is not."""

import ast
import pkgutil
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import dropoutlib
from book.scripts.versions import ROOT

# Of a checkout, what the three packages are built from; `tests` to see that it stays out.
SOURCES = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml")
FOLDERS = ("book", "dropcheck", "dropoutlib", "tests")
PROJECTS = {"dropoutlib": ".", "dropcheck": "dropcheck", "book": "book"}
# That of the book grows with every stored study, which chapters read.
KILOBYTES = {"dropoutlib": 120, "dropcheck": 120, "book": 550}
STORED = re.compile(r"results/(pilot|small)/(\w+)\.json$")
READ = re.compile(r'results\.(?:load|read)\("(\w+)", "(pilot|small)"\)')


def run(*command, cwd, **options):
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, encoding="utf-8", check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return a copy of the checkout, for building leaves its own files behind."""
    root = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copy(ROOT / name, root)
    left = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=left)
    return root


@pytest.fixture(scope="module")
def wheels(source, tmp_path_factory):
    """Return the wheel of each project."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    found = {}
    for name, place in PROJECTS.items():
        run(*pip, "--wheel-dir", folder / name, source / place, cwd=source)
        (found[name],) = (folder / name).glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheels, tmp_path_factory):
    """Return the Python of a fresh environment that has the wheels, and not the checkout.

    It borrows what they depend on from this environment, by a path that brings no checkout in.
    """
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False)
    paths = {"base": str(folder), "platbase": str(folder)}
    packages = sysconfig.get_path("purelib", vars=paths)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    run(*pip, "--target", packages, *wheels.values(), cwd=folder)
    borrowed = sysconfig.get_path("purelib")
    Path(packages, "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    return Path(sysconfig.get_path("scripts", vars=paths), Path(sys.executable).name)


@pytest.mark.parametrize("name", PROJECTS)
def test_wheel_is_small(wheels, name):
    assert wheels[name].stat().st_size < 1000 * KILOBYTES[name]


def test_wheel_of_the_book_holds_the_pilots_and_small_runs_that_are_read(wheels):
    names = zipfile.ZipFile(wheels["book"]).namelist()
    stored = {found.groups() for name in names if (found := STORED.search(name))}
    files = [*(ROOT / "manuscript").glob("*.md"), *(ROOT / "book").rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in files]
    assert stored == {(version, id) for text in texts for id, version in READ.findall(text)}


def test_source_distribution_holds_the_library_and_no_test(source, tmp_path):
    code = "from setuptools import build_meta; import sys; build_meta.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", code, tmp_path, cwd=source)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"LICENSE", "README.md", "dropoutlib/py.typed", "pyproject.toml"} <= names
    assert {f"dropoutlib/{name}" for name in written("dropoutlib")} <= names
    assert not [name for name in names if name.startswith(("tests/", "book/", "dropcheck/"))]
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*pip, "--wheel-dir", tmp_path, folder, cwd=tmp_path)
    assert list(tmp_path.glob("*.whl"))


def written(package):
    folder = ROOT / package
    found = (path.relative_to(folder) for path in folder.rglob("*.py"))
    return {path.as_posix() for path in found if path.parts[0] != "build"}  # an earlier wheel


@pytest.mark.parametrize("name", PROJECTS)
def test_every_module_is_installed(installed, name, tmp_path):
    code = f"import {name}, pathlib; print(pathlib.Path({name}.__file__).parent)"
    folder = Path(run(installed, "-c", code, cwd=tmp_path).strip())
    assert not folder.is_relative_to(ROOT)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    assert there - {"__pycache__"} == {
        path for path in written(name) if not path.startswith(("scripts/", "extensions/"))
    }
    assert name == "book" or (folder / "py.typed").exists()


def test_installed_packages_work_in_another_folder(installed, tmp_path):
    code = (
        "import numpy as np, torch, dropcheck, dropoutlib\n"
        "from book import benchmarks, exercises\n"
        "from book.experiments import results\n"
        "x = dropoutlib.layers.Dropout(0.5, rng=0).forward(np.ones((2, 8)))\n"
        "assert set(np.unique(x)) <= {0.0, 2.0}\n"
        "assert dropoutlib.nn.Dropout(0.5)(torch.ones(9)).shape == (9,)\n"
        "assert dropcheck.identity(lambda p: (1 - p) ** 2, lambda p: 1 - 2 * p + p * p, 1, rng=0)\n"
        "assert results.load('R1').records and benchmarks.load('results')['rows']\n"
        "assert exercises.labels()\n"
        "print('all of it')\n"
    )
    assert run(installed, "-c", code, cwd=tmp_path) == "all of it\n"


# ---- Types --------------------------------------------------------------------------------------

SCRIPT = """\
import torch
import dropcheck
import dropoutlib
from dropoutlib import bayes, nn

model = torch.nn.Sequential(torch.nn.Linear(3, 2), nn.Dropout(p=0.5))
samples = bayes.mc_samples(model, torch.ones(4, 3), n_samples=3)
"""
MISSPELT = (
    "nn.Dropout(rate=0.5)",
    "dropoutlib.nn.Dropout(rate=0.5)",
    # It hands keywords on to the model; a number of another type is found all the same.
    "bayes.mc_samples(model, torch.ones(4, 3), n_samples='3')",
    "dropoutlib.layers.Dropout(prob=0.5)",
    "dropcheck.identity(abs, abs, degrees=2)",
)


def type_errors(installed, tmp_path, script):
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--python-executable", installed, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8")
    return [line for line in done.stdout.splitlines() if ": error:" in line]


def test_a_misspelt_keyword_is_found_in_a_user_s_script(installed, tmp_path):
    script = SCRIPT + "".join(f"{call}\n" for call in MISSPELT)
    errors = type_errors(installed, tmp_path, script)
    first = SCRIPT.count("\n") + 1
    for number, call in enumerate(MISSPELT, start=first):
        assert any(f"script.py:{number}:" in error for error in errors), f"{call}: {errors}"
    assert all(int(error.split(":")[1]) >= first for error in errors), errors


# ---- Import -------------------------------------------------------------------------------------


def python(code, *options):
    return run(sys.executable, *options, "-c", code, cwd=ROOT)


def test_every_room_is_reached_by_its_name():
    rooms = {
        found.name
        for found in pkgutil.iter_modules(dropoutlib.__path__)
        if not found.name.startswith("_")
    }
    assert rooms <= set(dir(dropoutlib))
    for name in sorted(rooms):
        code = f"import dropoutlib; print(dropoutlib.{name}.__name__)"
        assert python(code) == f"dropoutlib.{name}\n"
    text = (ROOT / "dropoutlib" / "__init__.py").read_text(encoding="utf-8")
    assert set(re.findall(r"^    from \. import (\w+) as \1$", text, re.MULTILINE)) == rooms
    assert set(dropoutlib._ROOMS) == rooms
    with pytest.raises(AttributeError, match="no attribute 'rooms'"):
        _ = dropoutlib.rooms


def test_import_brings_no_torch_and_is_quick():
    code = (
        "import sys, time, numpy\n"
        "start = time.process_time()\n"
        "import dropoutlib\n"
        "print(1000 * (time.process_time() - start))\n"
        "assert 'torch' not in sys.modules\n"
    )
    assert min(float(python(code)) for _ in range(5)) < 60


@pytest.mark.parametrize(
    "ask",
    [
        "dropoutlib.nn",
        "dropoutlib.models",
        "dropoutlib.bayes.mc_samples",
        "exec('from dropoutlib.nn import Dropout')",
        "exec('from dropoutlib import nn')",
    ],
)
def test_without_torch_one_sentence_says_what_to_install(ask):
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "import dropoutlib\n"
        f"try: {ask}\n"
        "except ImportError as error: print(error)\n"
    )
    told = 'this part of dropoutlib needs PyTorch: pip install "dropoutlib[torch]"\n'
    assert python(code) == told


def test_packages_have_one_version():
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert dropoutlib.__version__ == stated["version"]


# Modules and functions that Windows lacks.
UNIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
UNIX_NAMES = {
    "SIGALRM",
    "SIGKILL",
    "alarm",
    "chown",
    "fork",
    "forkpty",
    "getuid",
    "killpg",
    "setsid",
}


def unix_only(source):
    """What a program takes that only Unix has."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from UNIX_MODULES & {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            yield from UNIX_MODULES & {node.module}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield from UNIX_NAMES & {node.attr} if node.value.id in ("os", "signal") else ()


@pytest.mark.parametrize("folder", ["book", "dropcheck", "dropoutlib"])
def test_nothing_is_for_unix_only(folder):
    for path in (ROOT / folder).rglob("*.py"):
        assert list(unix_only(path.read_text(encoding="utf-8"))) == [], path


def test_what_is_for_unix_only_is_noticed():
    source = "import fcntl\nfrom resource import getrusage\nimport os\nos.fork()\nos.open(0)"
    assert sorted(unix_only(source)) == ["fcntl", "fork", "resource"]


@pytest.mark.parametrize(
    ("house", "others"), [("dropcheck", "dropoutlib|book"), ("dropoutlib", "dropcheck|book")]
)
def test_arrows_lead_from_the_book_to_the_libraries_only(house, others):
    upward = re.compile(rf"^ *(?:import|from) (?:{others})\b", re.MULTILINE)
    for path in (ROOT / house).rglob("*.py"):
        assert not upward.search(path.read_text(encoding="utf-8")), path
