"""Layers for the tests of the conformance suite: good ones, and one for each fault."""

import numpy as np

ALPHA = -1.0507009873554805 * 1.6732632423543772


class Good:
    """Dropout of single units, right in all that the suite asks for."""

    def __init__(self, p):
        if not 0 <= p <= 1:
            raise ValueError(f"p must lie in [0, 1], got {p}")
        self.p = p
        self.rng = np.random.default_rng()

    def shape(self, x):
        return x.shape

    def kept(self, x):
        return self.rng.random(self.shape(x)) >= self.p

    def factor(self, x):
        kept = self.kept(x)
        return kept / (1 - self.p) if self.p < 1 else kept * 0.0

    def forward(self, x, training=True):
        if x.dtype.kind != "f":
            raise TypeError(f"x must have floats, got {x.dtype}")
        self.last = self.factor(x) if training and self.p else np.ones(self.shape(x))
        return (x * self.last).astype(x.dtype)

    def backward(self, grad):
        return grad * self.last


class GoodChannel(Good):
    def shape(self, x):
        return x.shape[:2] + (1,) * (x.ndim - 2)


class OneChannelStays(GoodChannel):
    def kept(self, x):
        kept = super().kept(x)
        kept[:, 0] = True
        return kept


class GoodPath(Good):
    def shape(self, x):
        return x.shape[:1] + (1,) * (x.ndim - 1)


class GoodGaussian(Good):
    def __init__(self, p):
        super().__init__(p)
        if p == 1:
            raise ValueError("the noise of p = 1 has no finite variance")

    def factor(self, x):
        return self.rng.normal(1.0, np.sqrt(self.p / (1 - self.p)), x.shape)


class GoodAlpha(Good):
    def forward(self, x, training=True):
        if x.dtype.kind != "f":
            raise TypeError(f"x must have floats, got {x.dtype}")
        if not training or self.p == 0:
            self.last = np.ones(x.shape)
            return x.copy()
        if self.p == 1:
            self.last = np.zeros(x.shape)
            return x * 0
        a, b = self.map()
        kept = self.kept(x)
        self.last = a * kept
        return (a * np.where(kept, x, ALPHA) + b).astype(x.dtype)

    def map(self):
        a = ((1 - self.p) * (1 + self.p * ALPHA**2)) ** -0.5
        return a, -a * ALPHA * self.p


GOOD = {
    "element": Good,
    "channel": GoodChannel,
    "path": GoodPath,
    "alpha": GoodAlpha,
    "gaussian": GoodGaussian,
}


class ScalesAtZero(Good):
    def forward(self, x, training=True):
        return super().forward(x, training) * np.float32(1 + 1e-6)


class OnInEvaluation(Good):
    def forward(self, x, training=True):
        return super().forward(x)


class NanAtOne(Good):
    def factor(self, x):
        with np.errstate(all="ignore"):
            return self.kept(x) / np.float64(1 - self.p)


class NanGradientAtOne(Good):
    def backward(self, grad):
        with np.errstate(all="ignore"):
            return grad * (self.last / np.float64(1 - self.p)) * (1 - self.p)


class Wraps(Good):
    """A threshold of one byte, that becomes 0 when p is tiny."""

    def kept(self, x):
        threshold = np.uint8(round(256 * (1 - self.p)) % 256)
        return self.rng.integers(0, 256, self.shape(x), dtype=np.uint8) < threshold


class RoundsTheRest(Good):
    """1 - p in single precision, which is 0 next to p = 1."""

    def factor(self, x):
        with np.errstate(all="ignore"):
            return self.kept(x) / np.float32(1 - np.float32(self.p)) if self.p < 1 else x * 0


class ScalesTheWrongWay(Good):
    def factor(self, x):
        return self.kept(x) * self.p


class Torn(Good):
    """Named a dropout of channels, it drops single units."""


class BatchAlike(Good):
    def shape(self, x):
        return (1, *x.shape[1:2]) + (1,) * (x.ndim - 2)


class PathAlike(Good):
    def shape(self, x):
        return (1,) * x.ndim


class FlattensInMemoryOrder(Good):
    def forward(self, x, training=True):
        return super().forward(x.ravel(order="K").reshape(x.shape), training)


class WrongShift(GoodAlpha):
    def map(self):
        a, b = super().map()
        return a, -b


class WrongVariance(GoodGaussian):
    def factor(self, x):
        return self.rng.normal(1.0, np.sqrt(self.p), x.shape)


class Keeps(Good):
    """The number is the probability of keeping."""

    def factor(self, x):
        kept = self.rng.random(x.shape) < self.p
        return kept / self.p if self.p else kept * 0.0


class EightBits(Good):
    def kept(self, x):
        drawn = self.rng.integers(0, 256, self.shape(x), dtype=np.uint8)
        return drawn >= np.round(256 * self.p)


class TenBits(Good):
    def kept(self, x):
        drawn = self.rng.integers(0, 1024, self.shape(x), dtype=np.uint16)
        return drawn >= np.round(1024 * self.p)


class SixteenBits(Good):
    def kept(self, x):
        drawn = self.rng.integers(0, 1 << 16, self.shape(x), dtype=np.uint16)
        return drawn >= np.round(65536 * self.p)


class HalfUniform(Good):
    """Uniform numbers in the type of the input."""

    def kept(self, x):
        drawn = self.rng.random(self.shape(x), dtype=np.float32)
        steps = 1024 if x.dtype == np.float16 else 1 << 23
        return np.floor(drawn * steps) / steps >= self.p


class Neighbours(Good):
    """Two units in a row share their draw."""

    def kept(self, x):
        half = self.rng.random((x.size + 1) // 2) >= self.p
        return np.repeat(half, 2)[: x.size].reshape(x.shape)


class SharedByTheBatch(Good):
    def shape(self, x):
        return (1, *x.shape[1:])

    def forward(self, x, training=True):
        return np.broadcast_to(1.0, x.shape) * super().forward(x, training)


class OneMask(Good):
    """The mask of every call is that of a fixed seed."""

    def kept(self, x):
        return np.random.default_rng(7).random(self.shape(x)) >= self.p


class OneMaskUntilSwitched(Good):
    """The mask of an epoch: only a switch to training draws another."""

    def train(self):
        self.training, self.mask = True, None

    def eval(self):
        self.training = False

    def kept(self, x):
        if self.mask is None or self.mask.shape != x.shape:
            self.mask = super().kept(x)
        return self.mask

    def forward(self, x):
        return super().forward(x, self.training)


class PicksSoMany(Good):
    """Of all units so many are picked, as by a shuffled list of places."""

    axis = None

    def kept(self, x):
        ranks = self.rng.random(x.shape).argsort(self.axis).argsort(self.axis).reshape(x.shape)
        return ranks >= round(self.p * (x.size if self.axis is None else x.shape[self.axis]))


class PicksSoManyOfARow(PicksSoMany):
    axis = 1


class PicksSoManyOfAColumn(PicksSoMany):
    axis = 0


class TurnedAround(Good):
    """The second half of the batch has the opposite uniform numbers of the first."""

    def kept(self, x):
        drawn = self.rng.random(x.shape)
        half = len(x) // 2
        drawn[half : 2 * half] = 1 - drawn[:half]
        return drawn >= self.p


class HalfOfARowAgain(Good):
    """The second half of the batch repeats half of each row."""

    def kept(self, x):
        kept = super().kept(x)
        half, columns = len(x) // 2, x.shape[-1] // 2
        kept[half : 2 * half, :columns] = kept[:half, :columns]
        return kept


class SmallState(Good):
    """Each row of 64 has one of 2^24 masks."""

    def kept(self, x):
        if x.ndim != 2 or x.shape[1] != 64:
            return super().kept(x)
        states = self.rng.integers(0, 1 << 24, len(x)).astype(np.uint64)
        mixed = (states * np.uint64(0x9E3779B97F4A7C15)) ^ (states << np.uint64(40))
        return np.unpackbits(mixed.view(np.uint8).reshape(len(x), 8), axis=1).astype(bool)


class NewMaskBackward(Good):
    def backward(self, grad):
        return grad * self.factor(grad)


class DeafToSeeds(Good):
    def kept(self, x):
        return np.random.default_rng().random(self.shape(x)) >= self.p


class SeededByThisProcess(Good):
    """The seed is mixed with what Python draws for each process."""

    def kept(self, x):
        if not hasattr(self, "mixed"):
            drawn = int(self.rng.integers(1 << 30)) ^ (hash("a word") & 0xFFFFFFFF)
            self.mixed = np.random.default_rng(drawn)
        return self.mixed.random(self.shape(x)) >= self.p


class AlikeWithoutSeed(Good):
    """What is drawn starts at the same place in every process."""

    def __init__(self, p):
        super().__init__(p)
        self.rng = np.random.default_rng(0)


class DrawsInEvaluation(Good):
    def forward(self, x, training=True):
        kept = self.kept(x)
        return super().forward(x, training) + 0 * kept


class Upcasts(Good):
    def forward(self, x, training=True):
        return super().forward(x, training).astype(float)


class HalfScale(Good):
    """The scale is rounded to half precision before it is used, and the dropped multiplied."""

    def forward(self, x, training=True):
        y = super().forward(x, training)
        if x.dtype != np.float16 or not training or self.p in (0, 1):
            return y
        with np.errstate(all="ignore"):
            return x * (np.float16(1 / (1 - self.p)) * (self.last > 0).astype(np.float16))


class Truncates(Good):
    def forward(self, x, training=True):
        y = super().forward(x.astype(float), training)
        return y.astype(x.dtype)


class FailsOnEmpty(Good):
    def forward(self, x, training=True):
        return super().forward(x, training) + 0 * x.max()


class ChangesEmpty(Good):
    def forward(self, x, training=True):
        y = super().forward(x, training)
        return y if y.size > 1 else np.zeros(1)


class WritesIntoInput(Good):
    def forward(self, x, training=True):
        y = super().forward(x, training)
        x[...] = y
        return y


class EvaluatesForEver(Good):
    """Evaluation switches p to 0, and nothing switches it back."""

    def forward(self, x, training=True):
        if not training:
            self.p = 0.0
        return super().forward(x, training)


class ForgetsP(Good):
    def __setstate__(self, state):
        self.__dict__ = {**state, "p": 0.5}


class ForgetsTheScale(Good):
    """What is kept is scaled for the p of another layer."""

    def __setstate__(self, state):
        self.__dict__ = {**state, "scale": 2.0}

    def factor(self, x):
        return self.kept(x) * getattr(self, "scale", 1 / (1 - self.p) if self.p < 1 else 0.0)


class ScaledWhenBuilt(Good):
    """The factor of what is kept is computed once."""

    def __init__(self, p):
        super().__init__(p)
        self.scale = 1 / (1 - p) if p < 1 else 0.0

    def factor(self, x):
        return self.kept(x) * self.scale


class MappedWhenBuilt(GoodAlpha):
    """The slope and shift of what is kept are computed once."""

    def __init__(self, p):
        super().__init__(p)
        self.built = super().map() if p < 1 else (0.0, 0.0)

    def map(self):
        return self.built


class DeafToChanges(Good):
    """All of p is read once."""

    def __init__(self, p):
        super().__init__(p)
        self.built = p

    def forward(self, x, training=True):
        self.p = self.built
        return super().forward(x, training)


class CannotBeStored(Good):
    def __init__(self, p):
        super().__init__(p)
        self.hook = lambda: None


class TakesAnything(Good):
    def __init__(self, p):
        super().__init__(min(max(p, 0.0), 1.0) if p == p else 0.5)


class NanInHalf(Good):
    def forward(self, x, training=True):
        y = super().forward(x, training)
        return y * np.float16(np.nan) if x.dtype == np.float16 and training else y


class NeverNearOne(GoodAlpha):
    """A probability next to 1 is held back."""

    def __init__(self, p):
        super().__init__(p)
        self.p = min(p, 0.98) if p < 1 else p


class DividesByWhatIsKept(Good):
    """NaN where the only unit is dropped."""

    def factor(self, x):
        kept = self.kept(x)
        if x.size != 1:
            return super().factor(x)
        with np.errstate(all="ignore"):
            return kept / np.zeros(1)


class RowAlike(Good):
    """Named a dropout of channels, it drops whole rows."""

    def shape(self, x):
        return x.shape[:1] + (1,) * (x.ndim - 1)


class BlankOutOfOrder(Good):
    """Zero for an input that is not contiguous."""

    def forward(self, x, training=True):
        y = super().forward(x, training)
        return y if x.flags.c_contiguous else 0 * y


class GaussianForgets(GoodGaussian):
    def __setstate__(self, state):
        self.__dict__ = {**state, "p": 0.5}


class LosesShape(Good):
    def forward(self, x, training=True):
        return super().forward(x, training)[:-1]


class RefusesToTrain(Good):
    def forward(self, x, training=True):
        raise MemoryError("no room")


# Check, kind, what it must find, and the layer.
PLANTED = [
    ("nothing-at-zero", "element", "fault", ScalesAtZero),
    ("nothing-at-zero", "element", "fault", LosesShape),
    ("nothing-in-evaluation", "element", "fault", OnInEvaluation),
    ("nothing-left-at-one", "element", "fault", NanAtOne),
    ("gradient-at-one", "element", "fault", NanGradientAtOne),
    ("next-to-zero", "element", "fault", Wraps),
    ("next-to-one", "element", "fault", RoundsTheRest),
    ("next-to-one", "alpha", "fault", NeverNearOne),
    ("zero-or-scaled", "element", "fault", ScalesTheWrongWay),
    ("zero-or-scaled", "element", "fault", LosesShape),
    ("dropped-together", "channel", "fault", OneChannelStays),
    ("dropped-together", "channel", "fault", Torn),
    ("dropped-together", "channel", "fault", BatchAlike),
    ("dropped-together", "channel", "fault", RowAlike),
    ("dropped-together", "path", "fault", PathAlike),
    ("any-order-in-memory", "element", "fault", FlattensInMemoryOrder),
    ("any-order-in-memory", "element", "fault", BlankOutOfOrder),
    ("mean-and-variance", "alpha", "fault", WrongShift),
    ("normal-noise", "gaussian", "fault", WrongVariance),
    ("rate-is-p", "element", "fault", Keeps),
    ("rate-is-p", "element", "fault", EightBits),
    ("small-p-is-not-rounded", "element", "fault", TenBits),
    ("rate-has-more-than-16-bits", "element", "fault", SixteenBits),
    ("rate-has-more-than-16-bits", "element", "not run", DeafToSeeds),
    ("rate-in-half-precision", "element", "fault", HalfUniform),
    ("units-are-independent", "element", "fault", Neighbours),
    ("units-are-independent", "element", "fault", SharedByTheBatch),
    ("calls-are-independent", "element", "fault", OneMask),
    ("calls-are-independent", "element", "fault", OneMaskUntilSwitched),
    ("rows-and-columns-are-independent", "element", "fault", TurnedAround),
    ("rows-and-columns-are-independent", "element", "fault", HalfOfARowAgain),
    ("rows-and-columns-are-independent", "channel", "fault", BatchAlike),
    ("counts-vary", "element", "fault", PicksSoMany),
    ("counts-vary", "element", "fault", PicksSoManyOfARow),
    ("counts-vary", "element", "fault", PicksSoManyOfAColumn),
    ("no-mask-twice", "element", "fault", SmallState),
    ("gradient-has-the-mask", "element", "fault", NewMaskBackward),
    ("seed-decides-the-mask", "element", "fault", DeafToSeeds),
    ("seed-decides-the-mask", "element", "fault", OneMask),
    ("processes-agree-on-a-seed", "element", "fault", SeededByThisProcess),
    ("processes-agree-on-a-seed", "element", "note", AlikeWithoutSeed),
    ("evaluation-draws-nothing", "element", "note", DrawsInEvaluation),
    ("type-is-kept", "element", "note", Upcasts),
    ("half-precision-values", "element", "fault", HalfScale),
    ("half-precision-values", "element", "fault", NanInHalf),
    ("integers-are-not-truncated", "element", "fault", Truncates),
    ("empty-and-single", "element", "note", FailsOnEmpty),
    ("empty-and-single", "element", "fault", ChangesEmpty),
    ("empty-and-single", "element", "fault", DividesByWhatIsKept),
    ("input-is-unchanged", "element", "fault", WritesIntoInput),
    ("training-returns-after-evaluation", "element", "fault", EvaluatesForEver),
    ("a-copy-is-a-dropout", "element", "fault", ForgetsP),
    ("a-copy-is-a-dropout", "element", "fault", ForgetsTheScale),
    ("a-copy-is-a-dropout", "gaussian", "fault", GaussianForgets),
    ("a-copy-is-a-dropout", "element", "note", CannotBeStored),
    ("a-changed-p-is-used-as-a-whole", "element", "fault", ScaledWhenBuilt),
    ("a-changed-p-is-used-as-a-whole", "alpha", "fault", MappedWhenBuilt),
    ("a-changed-p-is-used-as-a-whole", "element", "note", DeafToChanges),
    ("no-probability-is-refused", "element", "fault", TakesAnything),
    ("rate-is-p", "element", "fault", RefusesToTrain),
]
