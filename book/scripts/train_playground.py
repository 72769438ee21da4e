"""Train the small networks of the playground's figure on Monte Carlo dropout.

For each activation and drop probability one network of one input, two hidden layers and one
output learns the same points, which leave a gap in the middle. Its weights go to
interactive/mc-networks.json, rounded to the digits that a picture needs, and the figure draws its
masks in the page. Run it again only to change the networks: nothing else depends on it.
"""

import json
from pathlib import Path

import numpy as np
import torch

from dropoutlib.masks import sample_mask

TARGET = Path(__file__).resolve().parents[2] / "interactive" / "mc-networks.json"
WIDTH = 32
RATES = (0.05, 0.1, 0.2, 0.3, 0.5)
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}
STEPS = 4000
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 1e-3


def points():
    """Two clusters of noisy points of a smooth curve: arrays x and y of shape (48,)."""
    rng = np.random.default_rng(20)
    x = np.concatenate([rng.uniform(-2.0, -0.7, 24), rng.uniform(0.7, 2.0, 24)])
    y = np.sin(2.2 * x) + 0.35 * x + 0.1 * rng.standard_normal(x.size)
    return np.round(x, 3), np.round(y, 3)


def forward(weights, x, masks, p, act):
    """Outputs of shape (rows,) for inputs (rows,) and masks (rows, 2, WIDTH) or None."""
    W1, b1, W2, b2, w3, b3 = weights
    hidden = act(x[:, None] @ W1.T + b1)
    if masks is not None:
        hidden = hidden * masks[:, 0] / (1 - p)
    hidden = act(hidden @ W2.T + b2)
    if masks is not None:
        hidden = hidden * masks[:, 1] / (1 - p)
    return hidden @ w3 + b3


def initial(rng, gain):
    """Weights before training; the biases of the first layer spread the kinks over the data."""
    parts = (
        gain * rng.standard_normal((WIDTH, 1)),
        rng.uniform(-2, 2, WIDTH),
        gain * rng.standard_normal((WIDTH, WIDTH)) / np.sqrt(WIDTH),
        np.zeros(WIDTH),
        rng.standard_normal(WIDTH) / np.sqrt(WIDTH),
        np.zeros(()),
    )
    return [torch.tensor(part, requires_grad=True) for part in parts]


def train(name, p, *, steps=STEPS):
    """Weights after training with dropout at `p`, a list of arrays."""
    rng = np.random.default_rng([21, list(ACTIVATIONS).index(name), int(1000 * p)])
    x, y = (torch.tensor(values) for values in points())
    weights = initial(rng, gain=2**0.5 if name == "relu" else 1.0)
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        masks = torch.from_numpy(sample_mask((len(x), 2, WIDTH), p, rng=rng))
        loss = ((forward(weights, x, masks, p, ACTIVATIONS[name]) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return [part.detach().numpy() for part in weights]


def rounded(array):
    """Nested lists of numbers with four significant digits."""
    return np.vectorize(lambda v: float(f"{v:.4g}"))(array).tolist()


def main():
    """Train all networks and write them."""
    x, y = points()
    networks = {}
    for name in ACTIVATIONS:
        for p in RATES:
            networks[f"{name}-{p:g}"] = [rounded(part) for part in train(name, p)]
            print(f"trained {name}, p = {p:g}", flush=True)
    record = {"x": x.tolist(), "y": y.tolist(), "rates": RATES, "networks": networks}
    TARGET.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
