"""How much to drop, by rows and by width, and steps averaged over masks, all equally tuned."""

from ..registry import experiment
from ..tuning import concise
from .noises import FEW, LOWER, RUNS, tuned
from .remedies import BASELINES

RATES = (0.0, 0.25, 0.5, 0.75, 0.9)
# Which arms of `noises.noises` the rates are tried in, and the factor of the width.
GROUPS = {
    "": ("", 1),
    FEW: (FEW, 1),
    ", narrow": ("", 1 / 4),
    ", wide": ("", 2.5),
}
MASKS = 4
# Each arm: that of `noises.noises`, its one rate or None to tune it, and the settings it changes,
# by a factor, but for the masks of a step, which are a number.
ARMS = {
    f"p={p:g}{group}": (f"dropout{rows}", p, {"width": factor})
    for group, (rows, factor) in GROUPS.items()
    for p in RATES
}
ARMS |= {f"p=0 again{rows}": (f"none again{rows}", None, {}) for rows in ("", FEW)}
ARMS |= {
    "one mask": ("dropout", None, {}),
    "four masks": ("dropout", None, {"masks": MASKS}),
    "four masks, a quarter of the steps": ("dropout", None, {"masks": MASKS, "epochs": 1 / MASKS}),
    "one mask, four times the steps": ("dropout", None, {"epochs": MASKS}),
}
BESIDE = [f"{name}{rows}" for rows in ("", FEW) for name in BASELINES]
ARMS |= {arm: (arm, None, {}) for arm in BESIDE}
SETTINGS = {name: value for name, value in LOWER.items() if name != "blocks"}
SETTINGS |= {"sizes": [500, 400, 2000], "few": 50}
# The pilot chose its lowest rate in one arm and its highest in another.
WIDER = SETTINGS["levels"] | {"lr": [0.0004, 0.001, 0.0025, 0.006, 0.015, 0.04]}


@experiment(
    "Q10",
    title="How much to drop with few rows and in wide layers, and masks a step, equally tuned",
    arms=ARMS,
    **RUNS
    | {
        "seeds": range(10),
        "pilot_seeds": range(1000, 1001),
        "settings": SETTINGS | {"levels": WIDER},
        "pilot": {"levels": SETTINGS["levels"]},
        "batch": 10,
    },
)
def how_much(seeds, arm, *, levels, **settings):
    """Tune an arm for each seed on its validation rows, and judge it on its test rows.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`. Those of one rate tune the learning rate alone; they have `few` training
        rows, or the layers are narrower or wider, as their group of `GROUPS` says.
    levels, **settings
        As for `noises.tuned`.

    Returns
    -------
    list of dict
        What `tuning.concise` keeps, and ``validated``, the lowest log loss on validation rows,
        by which a rate can be chosen for each seed.
    """
    kind, p, changed = ARMS[arm]
    if p is not None:
        levels = levels | {"dropout": [p] * len(levels["lr"])}
    for name, factor in changed.items():
        settings[name] = round(settings.get(name, 1) * factor)
    found = tuned(seeds, kind, levels=levels, **settings)
    lowest = ({"validated": min(row["sweep_nll"])} for row in found)
    return [kept | own for kept, own in zip(concise(found), lowest, strict=True)]
