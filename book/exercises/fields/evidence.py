"""What the pages ask under the exercises of the chapter Evidence."""

from .kinds import Checklist, Choice, fields

fields(
    "ex-evidence-equivalence",
    Choice(
        "From p = 0.4 with three seeds follows",
        ("little: not different is not yet equal",),
        {
            "that the arms are equal": "A test with little power misses large differences.",
            "that they differ by less than a margin": "That is what an equivalence test asks.",
        },
    ),
    Checklist(
        (
            "Differences were drawn many times with a mean as large as their spread.",
            "The share that is not significant is stated.",
            "The share that the equivalence test accepts is stated, and is small.",
        )
    ),
)
fields(
    "ex-evidence-pairing",
    Checklist(
        (
            "The paired standard error comes from the differences, seed by seed.",
            "The unrelated one adds the variances of both arms.",
            "Both numbers are given for n = 100, and their ratio.",
        )
    ),
)
fields(
    "ex-evidence-scale",
    Checklist(
        (
            "The function of the network does not change.",
            "Mean activations are multiplied by c.",
            "Measures that are ratios within one layer, or count zeros, stay.",
            "So a ratio of mean activations between networks says nothing by itself.",
        )
    ),
)
fields(
    "ex-evidence-groups",
    Checklist(
        (
            "At each T the error is that of averages over T passes, whose mean falls with T.",
            "Disjoint groups give several such averages that are independent.",
            "A single group has the noise of its own passes, which may look like a trend.",
        )
    ),
)
fields(
    "ex-evidence-choice",
    Choice(
        "Without any effect, how often is the bound above zero with the seeds that chose?",
        ("far more often than 5 %",),
        {
            "5 %": "The setting was chosen for its large mean: the bound is not the nominal one.",
            "less than 5 %": "Choosing pushes the mean up, not down.",
        },
    ),
    Checklist(
        (
            "The largest of 20 means was chosen, and tested with its own seeds.",
            "The same was done with five new seeds: about 5 %.",
            "So pilot seeds may not be among those that test.",
        )
    ),
)
