"""Benchmarks by name."""

from dsc_eval.bench import build, decode, growth, search, serve
from dsc_eval.bench.bench import Bench

# Those on the data of a ground truth; a benchmark of something else is a command of `bench/commands.py`.
BENCHES: dict[str, Bench] = {
    module.BENCH.name: module.BENCH for module in (search, growth, decode, build, serve)
}
