"""Figures by name."""

from collections.abc import Callable
from pathlib import Path

from dsc_eval.plots import (
    ablation,
    bench_build,
    bench_decode,
    bench_device,
    bench_energy,
    bench_extract,
    bench_growth,
    bench_search,
    bench_search_growth,
    bench_serve,
    beyond,
    decoding,
    fig2,
    fig3,
    table1,
)

# Folder with the CSV → the files that were written beside it.
PLOTS: dict[str, Callable[[Path], list[Path]]] = {
    "fig2": fig2.plot,
    "fig3": fig3.plot,
    "table1": table1.plot,
    "beyond": beyond.plot,
    "ablation": ablation.plot,
    "decoding": decoding.plot,
}

# The same for the JSON of benchmarks of speed.
BENCH_PLOTS: dict[str, Callable[[Path], list[Path]]] = {
    "search": lambda results: [*bench_search.plot(results), *bench_search_growth.plot(results)],
    "growth": bench_growth.plot,
    "decode": bench_decode.plot,
    "build": bench_build.plot,
    "serve": bench_serve.plot,
    "extract": bench_extract.plot,
    "device": bench_device.plot,
    "energy": bench_energy.plot,
}
