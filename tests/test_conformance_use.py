"""Three ways to use the suite: the command, the fixture of pytest, and the function."""

import json
import os
import subprocess
import sys

import planted_layers
import planted_structures
import pytest
import torch

import dropoutlib
from book.scripts.versions import ROOT
from dropcheck import conformance
from dropcheck.conformance import adapters, command, targets

QUICK = ("zero-or-scaled", "nothing-left-at-one", "gradient-has-the-mask", "in-place-when-asked")
MINE = """\
import numpy as np

class MyDropPath:
    def __init__(self, p):
        self.p = p

    def forward(self, x, training=True):
        kept = np.random.random((len(x),) + (1,) * (x.ndim - 1)) >= self.p
        return x * kept / (1 - self.p) if training else x

class Broken(MyDropPath):
    def forward(self, x, training=True):
        return super().forward(x, training) * 2
"""


def only(*names):
    return [part for name in names for part in ("--only", name)]


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "mypkg.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("mypkg", None)


def test_command_prints_a_table_and_says_by_its_status_that_all_holds(capsys):
    assert command.main(["torch.nn:Dropout", *only(*QUICK)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("torch.nn:Dropout as element dropout, p = 0.3 (torch ")
    assert "ok    zero-or-scaled" in told
    assert "4 hold, 0 faults, 0 notes, 0 not run; false alarm of the run <= 0.0e+00" in told


def test_command_on_a_layer_of_one_s_own(package, capsys):
    asked = ["--kind", "path", "--p", "0.2", *only("zero-or-scaled", "dropped-together")]
    assert command.main(["mypkg:MyDropPath", *asked]) == 0
    files = ["--json", str(package / "r.json"), "--html", str(package / "r.html")]
    assert command.main(["mypkg:Broken", *asked, *files]) == 1
    assert "FAULT zero-or-scaled" in capsys.readouterr().out
    stored = json.loads((package / "r.json").read_text(encoding="utf-8"))
    assert [outcome["status"] for outcome in stored["outcomes"]] == ["fault", "holds"]
    assert stored["p"] == 0.2
    page = (package / "r.html").read_text(encoding="utf-8")
    assert '<td class="fault">FAULT</td>' in page
    assert "Misses: how often either comes." in page


def test_a_file_is_read_also_where_a_package_of_its_name_stands_beside_it(tmp_path, capsys):
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "__init__.py").write_text("1 / 0", encoding="utf-8")
    (tmp_path / "helpers_of_it.py").write_text(MINE, encoding="utf-8")
    (tmp_path / "beside.py").write_text("from helpers_of_it import Broken\n" + MINE, "utf-8")
    file = tmp_path / "beside.py"  # on Windows with a drive and its colon
    checks = ("zero-or-scaled", "a-copy-is-a-dropout", "processes-agree-on-a-seed")
    assert command.main([f"{file}:MyDropPath", *only(*checks)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{file}:MyDropPath as path dropout")
    assert told.count("ok    ") == len(checks)
    assert targets.name_of(targets.load(f"{file}:MyDropPath")) == f"{file}:MyDropPath"


def test_a_file_that_cannot_be_read_is_told_of(tmp_path, capsys):
    (tmp_path / "fails.py").write_text("1 / 0", encoding="utf-8")
    for _ in range(2):  # what failed once is not taken for read
        assert command.main([f"{tmp_path / 'fails.py'}:Dropout"]) == 2
        assert "fails.py': ZeroDivisionError: division by zero" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["torch.nn"], "a layer is named as module:Name"),
        (["no_such_module:Dropout"], "cannot import 'no_such_module'"),
        (["torch.nn:Dropped"], "'torch.nn' has no 'Dropped'"),
        (["torch.nn:"], "a layer is named as module:Name or file.py:Name"),
        (["layers.py"], "a layer is named as module:Name or file.py:Name"),
        ([r"C:\x\layers.py"], "a layer is named as module:Name or file.py:Name"),
        ([r"C:\x\layers.py:MyDropout"], "there is no file 'C:"),
        (["torch.nn:Linear"], "the name 'Linear' does not tell the kind of layer"),
        (["torch.nn:Linear"], "say it with kind (--kind), one of element, channel, path"),
        (["torch.nn:Dropout", "--set", "inplace"], "--set takes NAME=VALUE, got 'inplace'"),
        (["torch.nn:Dropout", "--only", "rate"], "there is no check 'rate'"),
        (["torch.nn:Dropout", "--set", "a=1"], "unexpected keyword argument 'a'; say with"),
        (["torch.nn:Dropout", "--seed", "-1"], "not negative, got seed=-1"),
        (["torch.nn:Dropout2d", "--spatial", "-1"], "not negative, got seed=0, spatial=-1"),
        (["planted_layers:PLANTED", "--kind", "path"], "a class or a function, got planted_layers"),
    ],
)
def test_what_cannot_be_examined_has_a_status_of_its_own(asked, told, capsys):
    assert command.main(asked) == 2
    assert told in capsys.readouterr().err


def test_a_layer_that_never_runs_cannot_be_examined(capsys):
    asked = ["planted_layers:RefusesToTrain", "--kind", "element", *only("rate-is-p")]
    assert command.main(asked) == 2
    assert "no check could be run to its end" in capsys.readouterr().err


def test_arguments_reach_the_layer(capsys):
    asked = ["torch.nn:Dropout", "--set", "inplace=True", *only("input-is-unchanged")]
    assert command.main(asked) == 1
    assert "the input was overwritten, training = True" in capsys.readouterr().out


def test_checks_are_listed_with_what_they_miss(capsys):
    assert command.main(["--list"]) == 0
    told = capsys.readouterr().out
    assert told.count("    Misses: ") == len(conformance.CHECKS)
    assert told.startswith(f"nothing-at-zero ({', '.join(conformance.KINDS)})\n")


def test_fixture_passes_a_good_layer_and_fails_with_the_report(tmp_path):
    (tmp_path / "mypkg.py").write_text(MINE, encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(
        "def test_good(dropout_conformance):\n"
        "    dropout_conformance('mypkg:MyDropPath', kind='path', only=['zero-or-scaled'])\n"
        "def test_bad(dropout_conformance):\n"
        "    dropout_conformance('mypkg:Broken', kind='path', only=['zero-or-scaled'])\n",
        encoding="utf-8",
    )
    # Where the package is installed with its entry point, that one is left out.
    plugins = ["-p", "no:dropcheck", "-p", "dropcheck.conformance.plugin"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "mypkg:Broken as path dropout, p = 0.3" in done.stdout
    assert "FAULT zero-or-scaled" in done.stdout


# ---- Adapters -----------------------------------------------------------------------------------


def test_torch_s_own_alpha_dropout_ignores_inplace():
    result = conformance.run(torch.nn.AlphaDropout, only=["in-place-when-asked"])
    assert [outcome.seen for outcome in result.faults] == [
        "inplace=True is accepted and has no effect: the input is as it was"
    ]


class _Twice(torch.nn.Module):
    """A gradient that cannot be differentiated again, and says so."""

    class _Function(torch.autograd.Function):
        @staticmethod
        def forward(context, x, p):
            factor = torch.rand_like(x).ge(p) / (1 - p)
            context.save_for_backward(factor)
            return x * factor

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context, grad):
            return grad * context.saved_tensors[0], None

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        return self._Function.apply(x, self.p)


class _Halves(_Twice):
    """The gradient is right, and its own gradient half of what it should be."""

    class _Back(torch.autograd.Function):
        @staticmethod
        def forward(context, grad, factor):
            context.save_for_backward(factor)
            return grad * factor

        @staticmethod
        def backward(context, grad):
            return grad * context.saved_tensors[0] / 2, None

    class _Function(torch.autograd.Function):
        @staticmethod
        def forward(context, x, p):
            factor = torch.rand_like(x).ge(p) / (1 - p)
            context.save_for_backward(factor)
            return x * factor

        @staticmethod
        def backward(context, grad):
            return _Halves._Back.apply(grad, context.saved_tensors[0]), None


class _Reseeds(torch.nn.Dropout):
    def forward(self, x):
        planted_layers.np.random.seed(0)
        return super().forward(x)


@pytest.mark.parametrize(
    ("layer", "name", "status"),
    [
        (_Twice, "second-derivative", "note"),
        (_Halves, "second-derivative", "fault"),
        (_Halves, "gradient-has-the-mask", "holds"),
        (_Reseeds, "other-generators-are-left-alone", "note"),
    ],
)
def test_a_fault_that_takes_torch_is_caught(layer, name, status):
    (outcome,) = conformance.run(layer, kind="element", only=[name]).outcomes
    assert outcome.status == status


@pytest.mark.parametrize(
    "name",
    ["Dropout", "Dropout2d", "DropPath", "GaussianDropout", "DropBlock2d", "DropConnectLinear"],
)
def test_our_layers_have_no_fault(name):
    checks = [check for check, entry in conformance.CHECKS.items() if not entry.random]
    result = conformance.run(getattr(dropoutlib.nn, name), only=checks)
    assert result, str(result)


def test_a_generator_of_its_own_is_seeded_in_torch():
    class Own(torch.nn.Module):
        def __init__(self, p):
            super().__init__()
            self.p, self.generator = p, torch.Generator()
            self.generator.seed()

        def forward(self, x):
            kept = torch.rand(x.shape, generator=self.generator) >= self.p
            return x * kept / (1 - self.p) if self.training else x

    result = conformance.run(Own, kind="element", only=["seed-decides-the-mask"])
    assert [outcome.status for outcome in result.outcomes] == ["holds"], str(result)


def test_a_function_of_numpy():
    def dropout(x, keep_prob, rng, training=True):
        if not 0 <= keep_prob <= 1:
            raise ValueError(keep_prob)
        kept = rng.random(x.shape) < keep_prob
        return (x * kept / max(keep_prob, 1e-30)).astype(x.dtype) if training else x

    checks = ("zero-or-scaled", "seed-decides-the-mask", "nothing-in-evaluation")
    result = conformance.run(dropout, kind="element", argument="keep_prob", keep=True, only=checks)
    assert [outcome.status for outcome in result.outcomes] == ["holds"] * 3, str(result)


def test_a_layer_with_modes_and_no_generator():
    class Layer:
        def __init__(self, rate):
            self.rate, self.training = rate, True

        def __call__(self, x):
            kept = planted_layers.np.random.random(x.shape) >= self.rate
            return (x * kept / (1 - self.rate)).astype(x.dtype) if self.training else x

    state = planted_layers.np.random.get_state()
    checks = ("nothing-in-evaluation", "seed-decides-the-mask", "gradient-has-the-mask")
    result = conformance.run(Layer, kind="element", only=checks)
    planted_layers.np.random.set_state(state)
    assert [outcome.status for outcome in result.outcomes] == ["holds", "holds", "not run"]


@pytest.mark.parametrize(
    ("name", "kind", "spatial"),
    [
        ("Dropout", "element", 2),
        ("SpatialDropout1D", "channel", 1),
        ("Dropout3d", "channel", 3),
        ("StochasticDepth", "path", 2),
        ("DropPath", "path", 2),
        ("AlphaDropout", "alpha", 2),
        ("GaussianDropout", "gaussian", 2),
        ("DropBlock2d", "block", 2),
        ("WeightDropLinear", "connect", 2),
        ("MultiheadAttention", "attention", 2),
    ],
)
def test_names_tell_kinds(name, kind, spatial):
    assert targets.guess_kind(name) == kind
    assert targets.guess_spatial(name) == spatial


class _Lists(conformance.Adapter):
    """An adapter as a newcomer writes it, for layers that take lists of lists."""

    framework = "lists"
    dtypes = ("float64",)

    def array(self, x, dtype):
        return x.tolist()

    def numpy(self, y):
        return planted_layers.np.array(y)

    def call(self, layer, x, training):
        return layer.forward(planted_layers.np.array(x), training).tolist()


@pytest.mark.parametrize("adapter", [_Lists, f"{__name__}:_Lists"])
def test_an_adapter_of_one_s_own(adapter):
    names = ("zero-or-scaled", "nothing-left-at-one", "gradient-has-the-mask")
    result = conformance.run(planted_layers.Good, kind="element", adapter=adapter, only=names)
    assert [outcome.status for outcome in result.outcomes] == ["holds", "holds", "not run"]


def test_weights_that_a_wrapper_drops_have_no_fault():
    checks = [check for check, entry in conformance.CHECKS.items() if not entry.random]
    result = conformance.run(planted_structures.WeightDrop, only=checks)
    assert [outcome.name for outcome in result.faults] == []
    assert result.kind == "connect"


def test_torch_s_own_attention_drops_probabilities():
    target = "torch.nn.functional:scaled_dot_product_attention"
    names = ("zero-or-scaled", "dropped-together", "units-are-independent", "second-derivative")
    result = conformance.run(target, kind="attention", adapter="torch-attention", only=names)
    assert [outcome.status for outcome in result.outcomes] == ["holds"] * 4, str(result)


def test_a_layer_without_one_matrix_of_weights_cannot_be_examined():
    with pytest.raises(ValueError, match="must have one matrix of weights, it has 2"):
        conformance.run(torch.nn.LSTM, kind="connect", argument="dropout")


def test_what_is_dropped_inside_takes_an_adapter_that_shows_it():
    with pytest.raises(ValueError, match=r"Say it with adapter .*such as torch-attention"):
        conformance.run(planted_layers.Good, kind="attention")


def test_every_adapter_has_its_module():
    folder = ROOT / "dropcheck" / "conformance" / "adapters"
    for module, name, _ in adapters.ADAPTERS.values():
        text = (folder / f"{module}.py").read_text(encoding="utf-8")
        assert f"class {name}(" in text


def test_command_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "dropcheck", "--help"], capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0
    assert "Exit status: 0 when all checks that ran hold" in done.stdout
