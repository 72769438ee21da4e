"""Monte Carlo dropout: `mc_samples` against a plain loop of 100 full passes, and one of all rows.

Run as ``python benchmarks/bench_mc.py``, on one core. The models of timm and transformers need
these two.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import contextlib

import torch
from timing import compare, table
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from dropoutlib.bayes.closed_form import analytic
from dropoutlib.bayes.sampling import mc_samples
from dropoutlib.nn.finding import modes

__all__ = ["CASES", "T", "libraries", "loop", "more_rows", "rows", "without_masks"]

T, P = 100, 0.3


def rows(rounds=25):
    """Compare the ways to get 100 samples, for several networks and sizes of a batch.

    Returns
    -------
    list of timing.Row
        The loop is the baseline. The closed form, where there is one, is no sample at all, nor is
        the pass without masks: it says what the sums behind the first dropout take by themselves.
    """
    return _compared(CASES, rounds)


def libraries(rounds=3):
    """The same for models of other libraries, which take long, and for an LSTM of torch's."""
    return _compared({"LSTM": CASES["LSTM"], **LIBRARIES}, rounds)


def _compared(cases, rounds):
    torch.set_num_threads(1)
    found = []
    for name, (build, shape, sizes, head) in cases.items():
        torch.manual_seed(0)
        model, also = build(), _also(name)
        for batch in sizes:
            x = torch.randint(1000, (batch, *shape)) if head is None else torch.randn(batch, *shape)
            ways = {"mc_samples": lambda: mc_samples(model, x, T, also=also)}  # noqa: B023 used now
            if isinstance(model, nn.Sequential):
                ways["without masks"] = lambda: without_masks(model, x)  # noqa: B023
            else:
                ways["more rows"] = lambda: more_rows(model, x, also)  # noqa: B023
            if head:
                ways["analytic"] = lambda: analytic(model, x)  # noqa: B023
            first = "loop", lambda: loop(model, x, also)  # noqa: B023
            found += compare(f"{name}, batch {batch}", first, ways, rounds=rounds)
    return found


def loop(model, x, also=()):
    """What everybody writes: dropout layers in training mode, and T passes."""
    _switch(model, also)
    with torch.no_grad(), _no_fast_path():
        return torch.stack([model(x) for _ in range(T)])


def more_rows(model, x, also=()):
    """What other libraries do: one pass of the batch T times over."""
    _switch(model, also)
    with torch.no_grad(), _no_fast_path():
        return model(x.repeat(T, *(1 for _ in x.shape[1:]))).unflatten(0, (T, len(x)))


def without_masks(model, x):
    """One pass of all rows behind the layers before dropout, which run once; nothing drops."""
    first = next(i for i, layer in enumerate(model) if isinstance(layer, _DropoutNd))
    model.eval()
    with torch.no_grad():
        h = model[:first](x)
        return model[first:](h.repeat(T, *(1 for _ in h.shape[1:]))).unflatten(0, (T, len(x)))


def _switch(model, also):
    """Dropout in training mode and all else in evaluation. To look for it is not timed twice."""
    if model not in _SWITCHED:
        _SWITCHED[model] = modes(model, also).training
    for module in model.modules():
        module.training = module in _SWITCHED[model]


_SWITCHED = {}


@contextlib.contextmanager
def _no_fast_path():
    """Attention in the form that has dropout: torch has another one for evaluation."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _perceptron():
    return nn.Sequential(
        *(nn.Linear(784, 512), nn.ReLU(), nn.Dropout(P)),
        *(nn.Linear(512, 512), nn.ReLU(), nn.Dropout(P)),
        nn.Linear(512, 10),
    )


def _dropout_in_head():
    return nn.Sequential(
        *(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU()),
        *(nn.Dropout(P), nn.Linear(512, 10)),
    )


def _convolutional():
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(3136, 128), nn.ReLU(), nn.Dropout(P)),
        nn.Linear(128, 10),
    )


def _spatial():
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Dropout2d(P), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Dropout2d(P), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(1568, 10)),
    )


def _dropout_first():
    return nn.Sequential(
        *(nn.Dropout(P), nn.Linear(784, 512), nn.ReLU(), nn.Dropout(P), nn.Linear(512, 10)),
    )


def _tiny():
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(P), nn.Linear(8, 1))


class _Residual(nn.Module):
    """A model that is no sequence."""

    def __init__(self):
        super().__init__()
        self.first, self.drop = nn.Linear(64, 256), nn.Dropout(P)
        self.inner, self.head = nn.Linear(256, 256), nn.Linear(256, 10)

    def forward(self, x):
        h = torch.relu(self.first(x))
        h = h + self.drop(torch.relu(self.inner(self.drop(h))))
        return self.head(h)


class _Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.LSTM(16, 32, 2, dropout=P, batch_first=True)
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.cells(x)[0][:, -1])


def _transformer():
    layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=P, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


class _Logits(nn.Module):
    """A model of transformers that gives one tensor."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(ids).logits


def _bert():
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {"hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4}
    config = BertConfig(vocab_size=1000, intermediate_size=512, num_labels=3, **sizes)
    return _Logits(BertForSequenceClassification(config))


def _vit():
    import timm

    return timm.create_model("vit_tiny_patch16_224", img_size=64, drop_path_rate=0.2)


def _resnet():
    import timm

    return timm.create_model("resnet18", drop_path_rate=0.2)


def _also(name):
    """The modules that drop by a function: attention of transformers."""
    if not name.startswith("BERT"):
        return ()
    from transformers.models.bert.modeling_bert import BertSelfAttention

    return (BertSelfAttention,)


# name: what builds it, shape of a row, sizes of a batch, whether there is a closed form
CASES = {
    "MLP 784-512-512-10": (_perceptron, (784,), (1, 64, 256), False),
    "MLP, dropout in head": (_dropout_in_head, (784,), (1, 64), True),
    "convolutional, dropout in head": (_convolutional, (1, 28, 28), (1, 32), True),
    "convolutional, dropout of maps": (_spatial, (1, 28, 28), (1, 32), False),
    "MLP, dropout first": (_dropout_first, (784,), (1, 512), False),
    "MLP 3-8-1": (_tiny, (3,), (1, 64), True),
    "residual": (_Residual, (64,), (1, 64), False),
    "LSTM": (_Recurrent, (20, 16), (1, 32), False),
    "transformer": (_transformer, (16, 64), (1, 16), False),
}
# The same of models with random weights; None if a row is of tokens.
LIBRARIES = {
    "BERT of transformers": (_bert, (32,), (1, 8), None),
    "ViT of timm, DropPath": (_vit, (3, 64, 64), (1, 8), False),
    "ResNet of timm, DropPath": (_resnet, (3, 32, 32), (1, 8), False),
}


if __name__ == "__main__":
    print(table(rows()))
