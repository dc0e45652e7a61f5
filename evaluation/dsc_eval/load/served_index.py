"""Features of a benchmark → an index that a server of a measurement serves."""

from pathlib import Path

from dsc_common.features.feature_file import FeatureFile, write_features
from dsc_common.features.feature_table import FeatureTable
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline.scheme import head_labels_for
from dsc_server.building.from_features import build_from_features
from dsc_server.building.options import BuildOptions


def write_index(
    features: BenchmarkFeatures, index: Path, scheme: str, seed: int, model: Path | None = None
) -> None:
    """Build the index of a benchmark's database; images have their numbers as ids.

    Args:
        features: of the benchmark.
        index: folder that the index is written to; a file beside it holds the features meanwhile.
        scheme: by name.
        seed: of k-means and rotations.
        model: the exported network of the features, for devices that send photos.

    Raises:
        InvalidInputError: the features do not fit the scheme.
    """
    table = FeatureTable(
        [f"{number:08d}" for number in range(len(features.database))],
        features.database,
        features.top_labels,
        features.top_probabilities,
        features.num_labels,
    )
    file = index.with_name("features.safetensors")
    write_features(file, FeatureFile(table))
    head_labels = head_labels_for(features.num_labels)
    options = BuildOptions(scheme=scheme, model=model, head_labels=head_labels, seed=seed)
    build_from_features(file, index, options, say=lambda _line: None)
    file.unlink()
