"""The loss of each step averaged over several masks: the penalty stays, the noise is divided."""

import functools

import numpy as np

from book import data

from ..networks import mlp, stream
from ..registry import experiment
from ..training import classification_metrics, fit, outputs
from .repetition import tokens

# Probability of dropping and masks a step.
ARMS = {"none": (0.0, 1), "k=1": (0.5, 1), "k=4": (0.5, 4), "k=16": (0.5, 16)}


@functools.cache
def _plays(words):
    """Shakespeare's plays as numbers of words: the `words - 1` most frequent, and 0 for others."""
    from sklearn.feature_extraction.text import CountVectorizer

    texts = data.load("shakespeare").features
    counter = CountVectorizer(max_features=words - 1)
    counter.fit(texts)
    split, number = counter.build_analyzer(), counter.vocabulary_
    return [np.array([number.get(word, -1) + 1 for word in split(text)]) for text in texts]


def _one_hot(context, words):
    x = np.zeros((*context.shape, words), dtype=np.float32)
    np.put_along_axis(x, context[..., None], 1, axis=2)
    return x.reshape(len(x), -1)


def _from_plays(rng, rows, judged, words, contexts):
    """Contexts and next words for training, and twice `judged` of them from other plays."""
    plays = [_plays(words)[i] for i in rng.permutation(len(_plays(words)))]
    found = []
    for texts, count in ((plays[8:], rows), (plays[:4], judged), (plays[4:8], judged)):
        text = np.concatenate(texts)
        starts = rng.integers(len(text) - contexts, size=count)
        context = text[starts[:, None] + np.arange(contexts)]
        found += [_one_hot(context, words), text[starts + contexts]]
    return found


def _from_teacher(rng, rows, judged, words, contexts):
    """The same from a random network, for the small version."""
    scale = 1 / np.sqrt(contexts)
    teacher = (
        scale * rng.standard_normal((contexts * words, 8)),
        rng.standard_normal((8, words)),
    )
    found = []
    for count in (rows, judged, judged):
        x, y, _ = tokens(rng, count, contexts, words, teacher, 1.0)
        found += [x, y]
    return found


@experiment(
    "S5",
    title="Next words: the loss of a step averaged over k masks",
    arms=ARMS,
    seeds=range(6),
    pilot_seeds=range(1000, 1003),
    settings={
        "data": "shakespeare",
        "words": 300,
        "contexts": 3,
        "rows": 6000,
        "judged": 3000,
        "width": 128,
        "epochs": 12,
        "batch_size": 50,
        "lr": 0.002,
    },
    small={"data": (), "words": 16, "rows": 300, "judged": 300, "width": 32, "epochs": 3},
    small_seeds=range(2),
    batch=6,
    tolerance=0.25,
)
def several_masks(seeds, arm, *, data, words, contexts, rows, judged, width, **training):
    """Predict a word from those before it, and follow the loss over the epochs.

    Parameters
    ----------
    seeds : tuple of int
        Each draws its training, validation and test plays.
    arm : str
        One of `ARMS`.
    data : str or ()
        Empty for tokens that a random network draws, for a quick run.
    words, contexts : int
        Vocabulary, and words before the one to predict.
    rows, judged : int
        Training rows; validation rows, and as many test rows.
    width : int
        Units of the one hidden layer.
    **training
        For `training.fit`; the rate is constant.

    Returns
    -------
    list of dict
        ``curve`` and ``train``, the losses on test and training rows after each epoch, in nats;
        ``best``, that on the test rows after the epoch with the least loss on the validation
        rows; ``last``, at the end; ``rise``, their difference; ``epoch``, which one was chosen.
    """
    p, masks = ARMS[arm]
    draw = _from_plays if data else _from_teacher
    drawn = [draw(stream(seed, "text"), rows, judged, words, contexts) for seed in seeds]
    x, y, *others = (np.stack(part) for part in zip(*drawn, strict=True))
    sets = ((x, y), others[:2], others[2:])
    net = mlp((x.shape[2], width, words), seeds, p_hidden=p)
    curves = []

    def note(epoch, net):
        losses = [
            [classification_metrics(*pair)["nll"] for pair in zip(outputs(net, a), b, strict=True)]
            for a, b in sets
        ]
        curves.append(losses)

    step = {"optimizer": "adam", "decay": False, "masks": masks, "on_epoch": note}
    fit(net, x, y, seeds, **step, **training)
    found = []
    for train, validation, test in np.moveaxis(np.array(curves), (2, 1, 0), (0, 1, 2)):
        epoch = int(validation.argmin())
        found.append(
            {
                "best": float(test[epoch]),
                "last": float(test[-1]),
                "rise": float(test[-1] - test[epoch]),
                "epoch": epoch + 1,
                "curve": test.tolist(),
                "train": train.tolist(),
            }
        )
    return found
