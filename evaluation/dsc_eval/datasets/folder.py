"""Distractors: photos of any folders (Flickr100k, MIRFLICKR-1M, your own) behind a benchmark's database."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_server.building.photos import find_photos


def with_distractors(benchmark: Benchmark, folders: Sequence[Path]) -> Benchmark:
    """The benchmark with all photos of the folders at the end of its database.

    Photos that the benchmark has already, in its database or as queries, are not added again.

    Raises:
        InvalidInputError: a folder does not exist or holds no photo.
    """
    if not folders:
        return benchmark
    known = {os.path.realpath(path) for path in benchmark.database}
    known |= {os.path.realpath(query.path) for query in benchmark.queries}
    added = [photo.path for photo in find_photos(folders) if os.path.realpath(photo.path) not in known]
    return replace(benchmark, database=[*benchmark.database, *added])
