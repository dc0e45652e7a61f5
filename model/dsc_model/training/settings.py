"""What may be chosen of a training; the defaults are the paper's."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of a training; all but `epochs` stay as they are when it is resumed.

    Attributes:
        epochs: number of epochs.
        longest_side: pixels to which the longest side of a photo is scaled.
        rate: learning rate of Adam in the first epoch.
        decay: the learning rate of epoch n is rate · e^(−decay n).
        momentum: β1 of Adam.
        weight_decay: L2 penalty on all parameters but p.
        p_rate: learning rate of p, GeM's exponent, in multiples of `rate`; 0 keeps p.
        batch: tuples of a step; their gradients are summed.
        negatives: hard negatives of a tuple.
        margin: τ of eq. (9).
        queries: tuples of an epoch.
        pool: photos from which an epoch's negatives are mined.
        seed: of the choice of queries, positives and pool.
        checkpoint: steps between checkpoints.
        mixed: compute convolutions in bfloat16, on a GPU.
    """

    epochs: int = 30
    longest_side: int = 362
    rate: float = 1e-6
    decay: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    p_rate: float = 10.0
    batch: int = 5
    negatives: int = 5
    margin: float = 0.85
    queries: int = 2000
    pool: int = 20_000
    seed: int = 0
    checkpoint: int = 50
    mixed: bool = False
