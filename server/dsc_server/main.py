"""The command `dsc-server`: build, inspect and serve a semantic inverted index."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dsc_common.cli.app import read_settings, run_app
from dsc_common.cli.progress_bar import bar
from dsc_common.errors import DamagedIndexError
from dsc_common.packet.format import HeadCodec
from dsc_common.serving.server import serve as serve_until_stopped
from dsc_model import BACKBONES, BackboneOptions, export_backbone
from dsc_server.building.build import BuildOptions
from dsc_server.building.build import build as build_directory
from dsc_server.index.description import describe
from dsc_server.index.files import read_index
from dsc_server.index.manifest import MANIFEST
from dsc_server.receiving.registry import DEFAULT_RECEIVER, RECEIVERS, receiver_name
from dsc_server.scheme_specs import DEFAULT_SCHEME, MAX_SPILL, SCHEMES
from dsc_server.serving.services import services
from dsc_server.settings import ServerSettings

app = typer.Typer(help="The edge server: build and serve a semantic inverted index.", no_args_is_help=True)

Index = Annotated[Path, typer.Option("--index", metavar="DIR", help="The index directory.")]
Backbone = Annotated[str, typer.Option(help=f"Feature extractor: {', '.join(BACKBONES)}.")]
LongestSide = Annotated[int, typer.Option(help="Pixels to which a photo's longest side is scaled.")]
ClassWeights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="resnet101: classifier, a torchvision state dict (default: torchvision's)."
    ),
]
FeatureWeights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="resnet101: feature network, a torchvision state dict or cirtorch checkpoint."
    ),
]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@app.command()
def build(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTOS…", help="Folders of photos, or files.")],
    index: Index,
    scheme: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"One of {', '.join(SCHEMES)}; changes follow after '+', as in dsc-pq+fused."
        ),
    ] = DEFAULT_SCHEME,
    spill: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_SPILL, help="Partitions that list an image. (default: the scheme's)"),
    ] = None,
    backbone: Backbone = "efficientnet-lite0",
    longest_side: LongestSide = 362,
    class_weights: ClassWeights = None,
    feature_weights: FeatureWeights = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="DSC_SERVER_MODEL",
            help="An ONNX model made by `dsc-server export`, instead of a backbone.",
        ),
    ] = None,
    head_labels: Annotated[int, typer.Option("--head-labels", "-T", help="T: labels in the head.")] = 5,
    num_subvectors: Annotated[
        int,
        typer.Option("--subvectors", "-M", help="M: sub-vectors of a code (of dsc and dsc-shared: +M=…)."),
    ] = 8,
    bits: Annotated[int, typer.Option("--bits", "-L", help="L: bits of a sub-codeword, up to 8.")] = 8,
    head_codec: Annotated[HeadCodec, typer.Option(help="Check bits of the head.")] = HeadCodec.CRC6,
    seed: Annotated[int, typer.Option(min=0, help="Seed of k-means.")] = 0,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out photos that cannot be read, and say which.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the index that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was built as JSON.")] = False,
) -> None:
    """Build the index of all photos; the directory appears whole or not at all."""
    options = BuildOptions(
        scheme=scheme if spill is None else f"{scheme}+spill={spill}",
        backbone=backbone,
        backbone_options=BackboneOptions(longest_side, class_weights, feature_weights),
        model=model,
        head_labels=head_labels,
        num_subvectors=num_subvectors,
        bits_per_subvector=bits,
        head_codec=head_codec,
        seed=seed,
        skip_unreadable=skip_unreadable,
        overwrite=overwrite,
    )
    build_directory(photos, index, options, say=_say, track=bar)
    _print_description(index, as_json)


@app.command()
def info(
    index: Index,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Say what an index holds, after checking every file of it."""
    _print_description(index, as_json)


@app.command()
def export(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where the ONNX model goes.")],
    backbone: Backbone = "efficientnet-lite0",
    longest_side: LongestSide = 362,
    class_weights: ClassWeights = None,
    feature_weights: FeatureWeights = None,
) -> None:
    """Export a backbone to ONNX, once; after that, building and serving need no torch."""
    export_backbone(backbone, path, BackboneOptions(longest_side, class_weights, feature_weights))
    _say(f"wrote {path}")


@app.command()
def serve(
    index: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The index directory. (env: DSC_SERVER_INDEX)")
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where to listen; port 0 is a free one. (env: DSC_SERVER_LISTEN, default: 127.0.0.1:50051)",
        ),
    ] = None,
    receiver: Annotated[
        str | None,
        typer.Option(
            help=f"For requests that don't choose: {', '.join(RECEIVERS)}. "
            f"(env: DSC_SERVER_RECEIVER, default: {DEFAULT_RECEIVER})"
        ),
    ] = None,
    wait_for_index_s: Annotated[
        float | None, typer.Option(help="Seconds to wait for the index to appear. (default: 0)")
    ] = None,
    tls_certificate: Annotated[Path | None, typer.Option(metavar="PEM", help="Certificate chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="PEM", help="Private key.")] = None,
) -> None:
    """Serve an index; prints "listening on HOST:PORT" when it is ready. SIGTERM ends it gracefully.

    Every setting can come from the environment (DSC_SERVER_…), also those that have no option here:
    THREADS, MAX_MESSAGE_BYTES, MAX_REQUESTS_AT_ONCE, GRACE_S.
    """
    settings = read_settings(
        ServerSettings,
        index=index,
        listen=listen,
        receiver=receiver,
        wait_for_index_s=wait_for_index_s,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
    )
    default_receiver = receiver_name(settings.receiver)
    _wait_for_index(settings.index, settings.wait_for_index_s)
    loaded = read_index(settings.index)
    _say(
        f"index {settings.index}: {loaded.manifest.num_images} images, "
        f"codebook version {loaded.manifest.codebook_version}"
    )
    with ThreadPoolExecutor(settings.threads) as pool:
        own = services(loaded, pool, default_receiver)
        serve_until_stopped(settings.listen, own, settings.limits, settings.tls)


def _wait_for_index(index: Path, limit_s: float) -> None:
    """An index appears whole, by one rename, so its manifest is all there is to wait for."""
    deadline = time.monotonic() + limit_s
    if limit_s and not (index / MANIFEST).exists():
        _say(f"waiting up to {limit_s:g} s for an index in {index}")
    while not (index / MANIFEST).exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    if limit_s and not (index / MANIFEST).exists():
        raise DamagedIndexError(f"no index appeared in {index} within {limit_s:g} s")


def _print_description(index: Path, as_json: bool) -> None:
    description = describe(read_index(index))
    if as_json:
        print(json.dumps(description))
        return
    width = max(len(key) for key in description)
    for key, value in description.items():
        print(f"{key.replace('_', ' '):{width}}  {value}")


def main() -> NoReturn:
    """Entry point of `dsc-server`."""
    run_app(app)
