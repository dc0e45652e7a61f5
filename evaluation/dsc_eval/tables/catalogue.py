"""Tables by name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from dsc_eval.tables import (
    ablation,
    bench,
    device,
    expected,
    fig2,
    fig3,
    kinds,
    networks,
    schemes,
    seeds,
    training,
)

# Folder with the CSV or JSON files → Markdown.
TABLES: dict[str, Callable[[Path], str]] = {
    "expected": expected.without_noise,
    "expected-noise": expected.over_noise,
    "fig2": fig2.recall_by_labels,
    "fig3": fig3.rivals,
    "compare-seeds": seeds.spread,
    "compare-paired": partial(seeds.paired, scheme="dsc"),
    "kinds": kinds.compared,
    "kinds-paired": partial(kinds.paired, scheme="dsc", other="exhaustive"),
    "kinds-noise": kinds.over_noise,
    "fig3-seeds": seeds.spread_over_noise,
    "fig3-paired": partial(
        seeds.paired_over_noise, first=("bpsk", "default"), other=("analog-pca", "default")
    ),
    "fig3-causes": fig3.causes,
    "fig3-modes": fig3.further_modes,
    "fig3-receivers": fig3.receivers,
    "fig3-schemes": fig3.schemes,
    "fig3-rayleigh": fig3.rayleigh,
    "fig3-105k": fig3.large_database,
    "ablation-dsc": partial(ablation.steps, scheme="dsc"),
    "ablation-dsc-pq": partial(ablation.steps, scheme="dsc-pq+spill=3+fused"),
    "decoding": schemes.decoding,
    "beyond": schemes.beyond,
    "bench-search": bench.search,
    "bench-ahead": bench.ahead,
    "bench-growth": bench.growth,
    "bench-decode": bench.decode,
    "bench-build": bench.build,
    "bench-serve": bench.serve,
    "bench-extract": bench.extract,
    "networks-costs": networks.costs,
    "networks-losses": networks.losses,
    "networks-backbones": networks.backbones,
    "networks-backbone-gains": networks.backbone_gains,
    "training": training.gains,
    "bench-device": device.photos,
    "bench-device-needs": device.needs,
    "bench-reading": device.readings,
    "bench-energy": device.energies,
    "table1": partial(schemes.table1, name="table1", simulated=0),
    "table1-105k": partial(schemes.table1, name="table1", simulated=105_000),
    "table1-1m": partial(schemes.table1, name="table1-1m", simulated=1_000_000),
}
