"""The figures of the playground, played with in a browser and compared with the library."""

import json
import re
from fractions import Fraction

import numpy as np
import pages
import pytest
import torch

import dropcheck
from book import ensemble, gradients
from book.scripts import train_playground
from book.scripts.build_book import ROOT
from dropoutlib import enumerate_masks, layers, mask_weights
from dropoutlib.layers import Dropout, StandardDropout

browser = pages.browser
pytestmark = pytest.mark.browser
PLAYGROUND = (ROOT / "_build" / "html" / "interactive" / "playground.html").as_uri()
FIGURES = (
    "conventions",
    "ensemble",
    "four",
    "mc",
    "network",
    "noise",
    "penalty",
    "pull",
    "shapes",
    "slips",
    "training",
)
FOUR_DIGITS = 5.01e-4  # half a unit of the fourth significant digit


@pytest.fixture
def page(browser):
    with pages.watched(browser, "file://") as (page, faults):
        page.goto(PLAYGROUND)
        yield page
        assert faults == []


class Figure:
    """One figure of an open page, and what a reader can do with it."""

    def __init__(self, page, name):
        self.page, self.name = page, name
        self.host = page.locator(f"[data-figure={name}]")

    def slide(self, label, value):
        """Move a slider."""
        self.host.get_by_label(label, exact=True).fill(str(value))

    def choose(self, label):
        """Choose one of several, by its key: a click may miss while a busy page moves."""
        self.host.get_by_label(label, exact=True).press("Space")

    def press(self, label):
        """Press a button."""
        self.host.get_by_role("button", name=label, exact=True).click()

    def text(self, key):
        """Text of a cell of numbers, with minus signs that Python reads."""
        return self.host.locator(f"[data-number={key}]").inner_text().replace("−", "-")

    def number(self, key):
        """The number in a cell."""
        return float(self.text(key))

    def numbers(self, key):
        """The numbers in a cell, separated by commas."""
        return [float(part) for part in self.text(key).split(", ")]

    @property
    def state(self):
        """What the figure computes from, as its script tells."""
        return self.page.evaluate("name => playground.states[name]()", self.name)


def close(value):
    return pytest.approx(value, rel=FOUR_DIGITS, abs=1e-12)


def relu(values):
    return np.maximum(values, 0)


# ---- Two networks that learn ---------------------------------------------------------------------

STEPS = """() => {
  const { generator } = playground;
  const { draw, drawMasks, evaluate, network, step } = playground.learning;
  const points = draw("moons", 7, 0.3, 5);
  const net = network(6, 8);
  const plain = ({ layers }) => layers.map(({ W, b }) => [[...W], [...b]]);
  const before = plain(net);
  const uniform = generator(3);
  const masks = [];
  for (let i = 0; i < 3; i += 1) {
    const drawn = points.map(() => drawMasks(6, 0.4, uniform));
    step(net, points, drawn);
    masks.push(drawn.map((pair) => pair.map((mask) => [...mask])));
  }
  return { points, before, masks, after: plain(net), found: evaluate(net, points) };
}"""


def layers_of(stored, width=6):
    shapes = [(width, 2), (width, width), (1, width)]
    return [
        torch.tensor(part, dtype=torch.float64).reshape(shape)
        for (W, b), (out, into) in zip(stored, shapes, strict=True)
        for part, shape in ((W, (out, into)), (b, (out,)))
    ]


def logits(parameters, x, masks=None):
    """Logits of rows x; `masks` are the factors of both hidden layers, for each row."""
    W1, b1, W2, b2, W3, b3 = parameters
    h = torch.relu(x @ W1.T + b1)
    h = torch.relu((h if masks is None else h * masks[:, 0]) @ W2.T + b2)
    return ((h if masks is None else h * masks[:, 1]) @ W3.T + b3)[:, 0]


def test_learning_in_the_page_is_that_of_torch(page):
    found = page.evaluate(STEPS)
    x = torch.tensor([[point["x"], point["y"]] for point in found["points"]], dtype=torch.float64)
    labels = torch.tensor([float(point["label"]) for point in found["points"]], dtype=torch.float64)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    parameters = [part.requires_grad_() for part in layers_of(found["before"])]
    optimiser = torch.optim.Adam(parameters, lr=0.01)
    for masks in torch.tensor(found["masks"], dtype=torch.float64):
        assert set(masks.unique().tolist()) == {0, 1 / 0.6}
        optimiser.zero_grad()
        loss(logits(parameters, x, masks), labels).backward()
        optimiser.step()
    for ours, theirs in zip(layers_of(found["after"]), parameters, strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-9, atol=1e-11)
    with torch.no_grad():
        values = logits(parameters, x)
    assert found["found"]["loss"] == pytest.approx(loss(values, labels).item())
    assert found["found"]["error"] == ((values > 0) != (labels > 0.5)).double().mean()


def test_both_networks_learn_and_the_figure_shows_their_losses(page):
    figure = Figure(page, "training")
    assert figure.number("steps") == 0
    figure.press("Train")
    page.wait_for_function("() => playground.states.training().steps >= 100", timeout=60_000)
    figure.press("Pause")
    state = figure.state
    for name, net in zip(("none", "dropout"), state["nets"], strict=True):
        parameters = layers_of([(part["W"], part["b"]) for part in net["layers"]], width=32)
        for key, points in (("train", state["train"]), ("test", state["test"])):
            x = torch.tensor([[point["x"], point["y"]] for point in points], dtype=torch.float64)
            labels = torch.tensor([point["label"] for point in points], dtype=torch.float64)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                logits(parameters, x), labels
            )
            assert figure.number(f"{name}-{key}") == pytest.approx(loss.item(), rel=5.01e-3)
    figure.slide("Drop probability p", 0)
    assert figure.number("steps") == 0
    figure.press("Train")
    page.wait_for_function("() => playground.states.training().steps >= 30", timeout=60_000)
    figure.press("Pause")
    assert figure.text("none-test") == figure.text("dropout-test")  # without masks they are one


# ---- Two units, four networks --------------------------------------------------------------------


@pytest.mark.parametrize("p", [0, 0.3, 0.8])
@pytest.mark.parametrize(("read", "label"), [("sum", "a sum"), ("relu", "a ReLU of the sum")])
def test_four_subnetworks_average_as_in_the_library(page, read, label, p):
    figure = Figure(page, "four")
    figure.slide("Drop probability p", p)
    figure.choose(label)
    state = figure.state
    outer = relu if read == "relu" else np.asarray
    h, w = np.array(state["h"]), np.array(state["w"])
    mean = ensemble.arithmetic_mean(lambda masks: outer((masks * h / (1 - p)) @ w), 2, p)
    assert figure.number("mean") == close(mean)
    assert figure.number("inference") == close(outer(h @ w))
    assert (mean == pytest.approx(outer(h @ w))) is (read == "sum" or p == 0)


# ---- Mistakes in the scale -----------------------------------------------------------------------

# Factors of a kept unit in training, the probability to keep it, and the factor in evaluation.
SLIPS = {
    "none": lambda p: (1 / (1 - p), 1 - p, 1),
    "never scaled": lambda p: (1, 1 - p, 1),
    "scaled in training and in evaluation": lambda p: (1 / (1 - p), 1 - p, 1 - p),
    "divided by p": lambda p: (1 / p, 1 - p, 1),
    "p taken as the share to keep": lambda p: (1 / p, p, 1),
    "left on in evaluation": lambda p: (1 / (1 - p), 1 - p, None),
}


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", SLIPS)
def test_mistakes_in_the_scale_are_what_an_average_over_masks_gives(page, name, p):
    figure = Figure(page, "slips")
    figure.slide("Drop probability p", p)
    figure.choose(name)
    factor, keep, evaluation = SLIPS[name](p)
    mean, variance = (
        average(lambda masks: masks[:, 0] * factor, 1, 1 - keep).item()
        for average in (ensemble.arithmetic_mean, ensemble.variance)
    )
    assert figure.number("train") == close(mean)
    assert figure.number("noise") == close(variance)
    assert figure.number("evaluation") == close(mean if evaluation is None else evaluation)
    assert figure.number("spread") == close(variance if evaluation is None else 0)
    assert figure.number("ratio") == close(figure.number("evaluation") / mean)


# ---- What is dropped together --------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.05, 0.5])
def test_blocks_drop_the_middle_and_the_corner_as_often_as_the_figure_says(page, p):
    figure = Figure(page, "shapes")
    figure.slide("Drop probability p", p)
    for label in ("nothing", "a channel", "all of an example"):
        figure.choose(label)
        assert figure.number("middle") == figure.number("corner") == close(p)
    figure.choose("a block")
    state = figure.state
    side, block = state["side"], state["block"]
    rate = layers.block_seed_rate(p, block, side, side)
    first = side - block + 1

    def dropped(y, x):
        """Probability that none of the seeds whose blocks reach a unit grows one."""
        reached = sum(
            0 <= y - down < block and 0 <= x - right < block
            for down in range(first)
            for right in range(first)
        )
        kept = ensemble.arithmetic_mean(lambda masks: masks.all(axis=1) * 1.0, reached, rate)
        return 1 - kept.item()

    assert figure.number("middle") == close(dropped(side // 2, side // 2))
    assert figure.number("corner") == close(dropped(0, 0))


def test_masks_are_as_large_as_what_is_dropped_together(page):
    figure = Figure(page, "shapes")
    for label, sizes in (("a channel", 49), ("all of an example", 147)):
        figure.choose(label)
        masks = np.array(figure.state["masks"])  # examples, channels, units
        assert masks.shape == (2, 3, 49)
        assert set(masks.reshape(-1, sizes).sum(axis=1)) <= {0, sizes}
    assert figure.number("now") == pytest.approx(1 - masks.mean(), rel=5.01e-3)


# ---- Where the gradient points -------------------------------------------------------------------


@pytest.mark.parametrize(("p", "y"), [(0, 1), (0.3, 2), (0.7, 0)])
def test_mean_gradient_is_that_of_the_library(page, p, y):
    figure = Figure(page, "pull")
    figure.slide("Drop probability p", p)
    figure.slide("Target y", y)
    x, w = (np.array(figure.state[name]) for name in "xw")
    found = gradients.expected_gradient(w[None], x[None], np.array([[y]]), p)[0]
    plain = (w @ x - y) * x
    assert figure.numbers("mean") == pytest.approx(found, rel=5.01e-3)
    assert figure.numbers("plain") == pytest.approx(plain, rel=5.01e-3)
    assert figure.numbers("penalty") == pytest.approx(found - plain, rel=5.01e-3)


# ---- Guesses -------------------------------------------------------------------------------------

INTRODUCTION = (ROOT / "_build" / "html" / "chapters" / "introduction.html").as_uri()


def test_a_guess_opens_the_answer_and_marks_the_right_choice(browser):
    with pages.watched(browser, "file://") as (page, faults):
        page.goto(INTRODUCTION)
        guesses = page.locator(".admonition.guess")
        assert guesses.count() >= 6
        for guess in guesses.all():
            assert guess.locator(".right").count() == 1
            guess.locator("li button").first.press("Enter")
            assert guess.locator("details").get_attribute("open") is not None
            assert guess.locator("li.correct .right").count() == 1
            first_is_right = guess.locator("li").first.locator(".right").count()
            assert guess.locator("li.mistaken").count() == 1 - first_is_right
            said = guess.get_by_role("status").inner_text()
            assert said.startswith("Right." if first_is_right else "Wrong.")
        assert faults == []


def test_the_introduction_takes_ten_minutes():
    """No visible code, and as many words as are read in ten minutes at 150 a minute."""
    text = (ROOT / "manuscript" / "introduction.md").read_text(encoding="utf-8")
    assert "code-cell" not in text
    markup = r"\A---[^$]*?^---$|<div.*</div>|^:+(\{\S*\}|\w+:.*)?|^\(\S*\)=$"
    words = re.sub(markup, "", text, flags=re.M).split()
    assert len([word for word in words if re.search(r"\w", word)]) <= 1500


# ---- The network --------------------------------------------------------------------------------


def network_outputs(state, masks):
    """Outputs of the subnetworks of `masks` (k, 9), dropout inverted as in `layers.Dropout`."""
    part = {name: np.array(state[name]) for name in ("x", "W1", "b1", "W2", "b2", "W3", "b3")}
    q = 1 - state["p"]
    h1 = relu(part["W1"] @ part["x"] + part["b1"]) * masks[:, :5] / q
    h2 = relu(h1 @ part["W2"].T + part["b2"]) * masks[:, 5:] / q
    return (h2 @ part["W3"].T + part["b3"])[:, 0]


@pytest.mark.parametrize("p", [0, 0.3, 0.5, 0.9])
def test_network_shows_what_the_library_computes(page, p):
    figure = Figure(page, "network")
    figure.slide("Drop probability p", p)
    figure.press("Draw a mask")
    state = figure.state
    mask = np.array([state["mask"]])
    assert figure.number("output") == close(network_outputs(state, mask)[0])
    assert figure.number("mean") == close(
        ensemble.arithmetic_mean(lambda masks: network_outputs(state, masks), 9, p)
    )
    assert figure.number("inference") == close(
        network_outputs(state | {"p": 0}, np.ones((1, 9), bool))[0]
    )
    assert figure.number("probability") == close(mask_weights(mask, p)[0])
    assert figure.text("kept") == f"{mask.sum()} of 9"
    assert figure.number("count") == len(enumerate_masks(9))


def test_network_counts_the_subnetworks_seen(page):
    figure = Figure(page, "network")
    figure.press("Draw 100")
    seen = figure.number("seen")
    assert 50 < seen <= 101
    figure.press("Drop all")
    figure.press("Keep all")
    assert seen < figure.number("seen") + 1 <= seen + 3
    assert figure.text("kept") == "9 of 9"


def test_network_is_played_by_keyboard(page):
    figure = Figure(page, "network")
    unit = figure.host.get_by_role("button", name="Drop unit 1 of hidden layer 1")
    assert unit.get_attribute("aria-pressed") == "false"
    unit.focus()
    for key, pressed in (("Enter", "true"), (" ", "false"), ("Enter", "true")):
        page.keyboard.press(key)
        assert unit.get_attribute("aria-pressed") == pressed
    assert figure.state["mask"][0] is False
    page.keyboard.press("Tab")  # the focus has outlived the redrawing
    page.keyboard.press("Enter")
    assert figure.state["mask"][1] is False


def test_network_is_played_by_clicking(page):
    figure = Figure(page, "network")
    before = figure.state["mask"]
    figure.host.get_by_role("button", name="Drop unit 2 of hidden layer 2").click()
    assert figure.state["mask"] == [*before[:6], not before[6], *before[7:]]


# ---- The noise ----------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_noise_shows_what_the_library_computes(page, p):
    figure = Figure(page, "noise")
    figure.slide("Drop probability p", p)
    state = figure.state
    weighted = np.array(state["x"]) * np.array(state["w"])
    output = lambda masks: masks @ weighted / (1 - p)  # noqa: E731
    exact = ensemble.variance(output, 12, p)
    masks = np.array(state["masks"], bool)
    assert figure.number("variance") == close(exact)
    assert figure.number("wrong") == close(exact * (1 - p) ** 2)
    assert figure.number("measured") == close(output(masks).var(ddof=1))
    assert figure.number("mean") == close(output(masks).mean())
    assert figure.text("kept") == f"{masks[0].sum()} of 12"
    assert dropcheck.rate_test(int(masks.sum()), masks.size, 1 - p)
    bounds = sorted((weighted.clip(max=0).sum() / (1 - p), weighted.clip(min=0).sum() / (1 - p)))
    assert dropcheck.variance_test(output(masks), exact, *bounds)


def test_noise_drops_nothing_at_zero(page):
    figure = Figure(page, "noise")
    figure.slide("Drop probability p", 0)
    assert np.all(figure.state["masks"])
    assert figure.number("measured") == pytest.approx(0, abs=1e-12)


# ---- The ensemble -------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0, 0.2, 0.5, 0.85, 1])
@pytest.mark.parametrize("kind", ["one hidden ReLU layer", "softmax regression"])
def test_ensemble_shows_what_the_library_computes(page, kind, p):
    figure = Figure(page, "ensemble")
    figure.slide("Drop probability p", p)
    figure.choose(kind)
    state = figure.state

    def predictions(inputs):
        if "W" in state:
            inputs = relu(inputs @ np.array(state["W"]).T + state["b"])
        powers = np.exp(inputs @ np.array(state["V"]).T + state["c"])
        return powers / powers.sum(axis=1, keepdims=True)

    x = np.array(state["x"])
    members = lambda masks: predictions(masks * x)  # noqa: E731
    scaled = predictions((1 - p) * x[None])[0, 0]
    geometric = ensemble.geometric_mean(members, 10, p, normalize=True)[0]
    assert figure.number("arithmetic") == close(ensemble.arithmetic_mean(members, 10, p)[0])
    assert figure.number("geometric") == close(geometric)
    assert figure.number("scaled") == close(scaled)
    assert figure.number("weight") == close(mask_weights(enumerate_masks(10), p).max())
    if kind == "softmax regression" or p in (0, 1):
        assert figure.text("gap") == "0"
    else:
        assert figure.number("gap") == pytest.approx(scaled - geometric, rel=0.051)


# ---- The penalties ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "size", "correlation"), [(0.5, 2, 0.5), (0.2, 4, -0.6), (0.9, 0.5, 0.9), (0.6, 1, 0.3)]
)
def test_penalty_shows_the_minimisers(page, p, size, correlation):
    figure = Figure(page, "penalty")
    for label, value in (
        ("Drop probability p", p),
        ("Scale of feature 2", size),
        ("Correlation", correlation),
    ):
        figure.slide(label, value)
    # Two rows with the second moments of the figure, and targets that follow the true weights.
    features = np.linalg.cholesky([[1, correlation], [correlation, 1]]).T * np.sqrt(2)
    X, y = features * [1, size], features @ figure.state["weights"]
    strength = p / (1 - p)

    def solution(penalty):
        return np.linalg.solve(X.T @ X / 2 + np.diag(penalty), X.T @ y / 2)

    assert figure.numbers("free") == close(solution([0, 0]))
    assert figure.numbers("ridge") == close(solution([strength, strength]))
    dropout = solution(strength * (X**2).mean(axis=0))
    assert figure.numbers("dropout") == close(dropout)

    def loss(w):  # with dropout, averaged over all masks
        errors = lambda masks: ((y[:, None] - X @ (masks * w / (1 - p)).T) ** 2).mean(axis=0)  # noqa: E731
        return ensemble.arithmetic_mean(errors, 2, p)

    least = loss(dropout)
    for step in np.array([[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1]]) * 1e-3:
        assert loss(dropout + step) > least
    assert figure.number("dropout-effect") == close(dropout[1] * size)


def test_scale_moves_ridge_and_not_dropout(page):
    figure = Figure(page, "penalty")
    seen = {"ridge-effect": set(), "dropout-effect": set()}
    for size in (0.5, 1, 3, 4):
        figure.slide("Scale of feature 2", size)
        for key, values in seen.items():
            values.add(figure.text(key))
    assert len(seen["ridge-effect"]) == 4
    assert len(seen["dropout-effect"]) == 1


# ---- Monte Carlo dropout ------------------------------------------------------------------------

RECORD = json.loads(train_playground.TARGET.read_text(encoding="utf-8"))


def network_of(name, p):
    parts = RECORD["networks"][f"{name}-{p:g}"]
    return [torch.tensor(part, dtype=torch.float64) for part in parts]


def passes(name, p, x, masks):
    """Outputs (T, len(x)) for masks of shape (T, len(x), 2, width)."""
    rows = torch.as_tensor(np.tile(x, len(masks)))
    flat = torch.from_numpy(masks.reshape(len(rows), 2, -1))
    act = train_playground.ACTIVATIONS[name]
    return (
        train_playground.forward(network_of(name, p), rows, flat, p, act)
        .numpy()
        .reshape(len(masks), len(x))
    )


@pytest.mark.parametrize("shared", ["one for all inputs", "one for each input"])
@pytest.mark.parametrize(("kind", "index"), [("ReLU", 1), ("ReLU", 4), ("tanh", 3)])
def test_band_is_that_of_the_same_masks_here(page, kind, index, shared):
    figure = Figure(page, "mc")
    figure.slide("Drop probability p", index)
    figure.slide("Passes T", 20)
    figure.choose(kind)
    figure.choose(shared)
    state = figure.state
    p, grid = state["p"], np.array(state["grid"])
    assert p == RECORD["rates"][index]
    digits = [[[int(digit) for digit in mask] for mask in one] for one in state["masks"]]
    masks = np.array(digits, bool).reshape(20, -1, 2, train_playground.WIDTH)
    assert dropcheck.rate_test(int(masks.sum()), masks.size, 1 - p)
    masks = masks.repeat(len(grid) // masks.shape[1], axis=1)
    outputs = passes(state["kind"], p, grid, masks)
    deviation = dict(zip(grid, outputs.std(axis=0, ddof=1), strict=True))
    for key, x in (("inside", 1.25), ("between", 0), ("outside", 3.5), ("far", 5)):
        assert figure.number(key) == close(deviation[x])
    assert figure.number("step") == close(np.abs(np.diff(outputs, axis=1)).mean())


def test_what_the_page_says_of_the_bands_holds_for_every_network(rng):
    x = np.array([-1.25, 1.25, 0.0, 3.5, 5.0])
    for name in train_playground.ACTIVATIONS:
        for p in RECORD["rates"]:
            masks = rng.random((4000, 1, 2, train_playground.WIDTH)) >= p
            masks = masks.repeat(len(x), axis=1)
            left, right, between, outside, far = passes(name, p, x, masks).std(axis=0)
            if name == "relu":
                assert far > 1.3 * outside
            else:
                assert far < 1.1 * outside
                assert between < 1.1 * max(left, right)


def test_masks_for_each_input_make_no_function(page):
    figure = Figure(page, "mc")
    smooth = figure.number("step")
    figure.choose("one for each input")
    assert figure.number("step") > 1.5 * smooth


def test_stored_network_is_what_training_gives():
    x, y = train_playground.points()
    assert RECORD["x"] == x.tolist()
    assert RECORD["y"] == y.tolist()
    grid = torch.linspace(-5, 5, 41, dtype=torch.float64)
    fresh = [torch.as_tensor(part) for part in train_playground.train("tanh", 0.1)]
    curves = [
        train_playground.forward(weights, grid, None, 0.1, torch.tanh)
        for weights in (fresh, network_of("tanh", 0.1))
    ]
    # Four digits are stored, and training may amplify another machine's rounding.
    np.testing.assert_allclose(*(curve.numpy() for curve in curves), atol=0.02)


# ---- The conventions ----------------------------------------------------------------------------

SPELLINGS = [
    (number, place)
    for number in ("dropping", "keeping")
    for place in ("in training (inverted)", "at inference (standard)")
]


class Coin:
    """A generator whose uniform numbers make exactly one mask, by `>= p` or by `< keep`."""

    def __init__(self, mask, keeps_high):
        self.numbers = np.where(mask == keeps_high, 1 - 2.0**-53, 0.0)

    def random(self, shape):
        """The uniform numbers."""
        return self.numbers.reshape(shape)


@pytest.mark.parametrize(("number", "place"), SPELLINGS)
@pytest.mark.parametrize("value", [0.05, 0.4, 0.95])
def test_shown_code_is_the_dropout_of_the_library(page, number, place, value):
    figure = Figure(page, "conventions")
    figure.choose(number)
    figure.choose(place)
    figure.slide("Its value", value)
    state = figure.state
    p = value if number == "dropping" else 1 - value
    assert state["drop"] == pytest.approx(p)
    shown = figure.host.locator("pre").inner_text()
    names = {}
    exec(shown, names)  # the code that the reader sees
    kind = Dropout if "inverted" in place else StandardDropout
    layer, x = kind(p, rng=3), np.array([state["x"]])

    def run(x, mask, training=True):
        return names["dropout"](x, value, training, Coin(mask, number == "dropping"))

    for _ in range(8):
        ours = layer.train().forward(x)
        np.testing.assert_allclose(run(x, ours != 0), ours, rtol=1e-12)
    theirs = layer.eval().forward(x)
    np.testing.assert_allclose(run(x, None, training=False), theirs, rtol=1e-12)
    mask = np.array([state["u"]]) >= p
    assert figure.numbers("training") == close(run(x, mask)[0])
    assert figure.numbers("inference") == close(theirs[0])


@pytest.mark.parametrize(("number", "place"), SPELLINGS)
def test_translations_agree(page, number, place):
    figure = Figure(page, "conventions")
    figure.choose(number)
    figure.choose(place)
    figure.slide("Its value", 0.8)
    p = Fraction(4, 5) if number == "dropping" else Fraction(1, 5)
    numbers = {
        key: Fraction(re.search(r"\d\.\d+", figure.text(key))[0])
        for key in ("torch", "keras", "tf1", "weights", "rates")
    }
    assert numbers == {
        "torch": p,
        "keras": p,
        "tf1": 1 - p,
        "weights": 1 - p,
        "rates": (1 - p) ** 2,
    }
    assert figure.host.locator(".formula mjx-container").count() == 1


# ---- All of them --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_figure_says_in_words_what_it_shows(page, name):
    figure = Figure(page, name)
    slider = figure.host.get_by_role("slider").first
    sentence = figure.host.get_by_role("status")
    before = sentence.inner_text()
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(400)  # it waits until the reader pauses
    assert sentence.inner_text() != before
    drawing = figure.host.locator("svg[aria-label]")
    if name != "conventions":
        assert len(drawing.get_attribute("aria-label").split()) > 8
        assert drawing.get_attribute("aria-describedby") == sentence.get_attribute("id")


@pytest.mark.parametrize("name", FIGURES)
def test_figure_can_be_used_on_a_phone(page, name):
    page.set_viewport_size(pages.PHONE)
    page.wait_for_timeout(100)
    host = Figure(page, name).host
    frame = host.bounding_box()
    assert frame["width"] <= 390
    for target in host.locator(
        "button, input[type=range], .choice span, [role=button] circle"
    ).all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 24, target
        assert frame["x"] <= box["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    for drawing in host.locator("svg").all():
        assert drawing.bounding_box()["width"] <= frame["width"]
    texts = host.locator("svg text").all()
    for text in texts:
        box = text.bounding_box()
        if box:
            assert frame["x"] <= box["x"], text.inner_html()
            assert box["x"] + box["width"] <= frame["x"] + frame["width"], text.inner_html()


def test_reader_without_scripts_is_told_what_is_missing(browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(PLAYGROUND)
        for name in FIGURES:
            assert "JavaScript" in page.locator(f"[data-figure={name}]").inner_text()


def test_colours_of_figures_can_be_read_in_light_and_dark():
    style = (ROOT / "interactive" / "playground.css").read_text(encoding="utf-8")
    light, dark = re.findall(r"\{([^{}]*--play-kept:[^{}]*)\}", style)

    def luminance(colour):
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for rules, ground in ((light, "#ffffff"), (dark, "#121212")):
        colours = dict(re.findall(r"--play-(\w+): (#\w{6})", rules))
        assert len(colours) == 6
        del colours["ghost"]  # the ground of a picture, on which nothing depends alone
        for name, colour in colours.items():
            low, high = sorted((luminance(colour), luminance(ground)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground)


def test_only_pages_with_a_figure_load_their_scripts():
    html = ROOT / "_build" / "html"
    pages_read = {path: path.read_text("utf-8") for path in html.rglob("*.html")}
    users = {path.name for path, text in pages_read.items() if "interactive/shared.js" in text}
    holders = {path.name for path, text in pages_read.items() if 'data-figure="' in text}
    assert users == holders
    assert holders >= {"guide.html", "introduction.html", "playground.html"}
