"""`dsc-eval features`: write feature files, from photos or from arrays of other programs."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_common.cli.hardware_option import Device
from dsc_common.cli.printable import printable
from dsc_common.cli.progress_bar import bar
from dsc_common.cli.streams import say, show
from dsc_common.errors import InvalidInputError
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.features.feature_file import FeatureFile, write_features
from dsc_common.features.hardware import CPU
from dsc_eval.features.array_files import read_array, read_names
from dsc_eval.features.benchmark_features import extract_readable, load_extractor
from dsc_eval.features.cache_folder import default_folder
from dsc_eval.features.table_writing import Arrays, table_of_arrays, table_of_benchmark
from dsc_eval.offline.benchmark_data import load_benchmark_data
from dsc_eval.options import DEFAULT_BACKBONE, Backbone, Distractors, Model
from dsc_server.building.photos import find_photos
from dsc_server.building.tally import Tally

app = typer.Typer(help="Write feature files, for `run --features` and `dsc-server build --features`.")

Out = Annotated[Path, typer.Option(metavar="FILE", help="Feature file (safetensors) to write.")]


def _array(what: str) -> object:
    return typer.Option(metavar="FILE", help=f"{what}, in .npy, .pt or .pth.")


@app.command("photos")
def photos(
    out: Out,
    places: Annotated[
        list[Path] | None, typer.Argument(metavar="[PHOTOS…]", help="Photos, or folders of photos.")
    ] = None,
    ground_truth: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write database and queries of a ground truth: a JSON file, or NAME:DIR."
        ),
    ] = None,
    distractors: Distractors = None,
    backbone: Backbone = DEFAULT_BACKBONE,
    model: Model = None,
    device: Device = CPU,
) -> None:
    """Extract the features of photos with a network of this project."""
    if (ground_truth is None) == (not places):
        raise InvalidInputError("expected PHOTOS or --ground-truth, got " + ("both" if places else "neither"))
    if ground_truth is not None:
        data, _ = load_benchmark_data(ground_truth, backbone, model, distractors or (), hardware=device)
        _write(out, table_of_benchmark(data.benchmark, data.features))
        return
    tally = Tally(say)
    found = find_photos(places or [], (), tally, bar)
    benchmark = Benchmark("photos", [photo.path for photo in found], [])
    with FeatureCache(default_folder(), say) as cache:
        readable, features = extract_readable(
            benchmark,
            load_extractor(backbone, model, default_folder(), say, device),
            bar,
            lambda _path, error: say(f"left out: {error}"),
            cache,
        )
    tally.say_totals()
    _write(out, table_of_benchmark(readable, features))


@app.command("arrays")
def arrays(
    features: Annotated[Path, _array("Features of the database (N, F)")],
    names: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Names of the images, one a line; or cirtorch's gnd_….pkl."),
    ],
    out: Out,
    labels: Annotated[Path | None, _array("Most likely labels (N, A), most likely first")] = None,
    probabilities: Annotated[
        Path | None, _array("Their probabilities (N, A), or all of them (N, K) without --labels")
    ] = None,
    query_features: Annotated[Path | None, _array("Features of the queries")] = None,
    query_names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Names of the queries; by default the queries of cirtorch's gnd_….pkl."
        ),
    ] = None,
    query_labels: Annotated[Path | None, _array("Labels of the queries")] = None,
    query_probabilities: Annotated[Path | None, _array("Probabilities of the queries")] = None,
    columns: Annotated[
        bool, typer.Option("--columns", help="Features are columns (F, N), as cirtorch returns them.")
    ] = False,
    num_labels: Annotated[int | None, typer.Option(min=1, help="K. (default: the highest label + 1)")] = None,
    clusters: Annotated[
        int, typer.Option(min=0, max=65536, help="Cluster the database into so many labels. (default: none)")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the clustering.")] = 0,
) -> None:
    """Write arrays of another program: features, and labels or a clustering."""
    database = _arrays(features, read_names(names), labels, probabilities, columns=columns)
    queries = None
    if query_features is not None:
        asked = read_names(query_names or names, "imlist" if query_names else "qimlist")
        queries = _arrays(query_features, asked, query_labels, query_probabilities, columns=columns)
    _write(out, table_of_arrays(database, queries, num_labels, clusters, seed))


def _arrays(
    features: Path, names: list[str], labels: Path | None, probabilities: Path | None, *, columns: bool
) -> Arrays:
    return Arrays(
        names,
        read_array(features, columns=columns),
        None if labels is None else read_array(labels),
        None if probabilities is None else read_array(probabilities),
    )


def _write(path: Path, content: FeatureFile) -> None:
    write_features(path, content)
    queries = 0 if content.queries is None else len(content.queries)
    show(printable(f"{path}: {len(content.database):,} images, {queries:,} queries"))
