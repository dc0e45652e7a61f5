"""`dsc-server build` and `dsc-server export`: photos to an index directory, a network to ONNX."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from dsc_common.cli.hardware_option import Device
from dsc_common.cli.paths import path_of
from dsc_common.cli.settings import refused_as_setting, require_known_settings
from dsc_common.codebook.precision import Precision
from dsc_common.errors import DscError
from dsc_common.features.hardware import CPU
from dsc_common.files.cache import cache_folder
from dsc_common.files.staging import real_target
from dsc_common.packet.format import HeadCodec
from dsc_model import BACKBONES, BackboneOptions, export_backbone
from dsc_model.commands.backbone_options import ClassWeights, FeatureWeights, LongestSide
from dsc_server.building.options import BuildOptions
from dsc_server.commands.info import Index, print_description, say
from dsc_server.scheme_specs import DEFAULT_SCHEME, MAX_SPILL, SCHEMES, parse_scheme
from dsc_server.settings import ServerSettings

DEFAULT_BACKBONE = "efficientnet-lite0"
MAX_LABELS, MAX_SUBVECTORS = 1024, 4096  # the index may allow fewer
_BACKBONE_HELP = f"Feature extractor: {', '.join(BACKBONES)}."
Backbone = Annotated[str, typer.Option(help=_BACKBONE_HELP)]


def build(
    index: Index,
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=path_of, metavar="[PHOTOS…]", help="Photos, or folders of photos.", show_default=False
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            parser=path_of,
            metavar="FILE",
            help="Index a file of features in place of photos; devices query it with rows of such a file.",
        ),
    ] = None,
    scheme: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"One of {', '.join(SCHEMES)}; changes follow after '+', as in dsc-pq+estimate.",
        ),
    ] = DEFAULT_SCHEME,
    spill: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_SPILL, help="Partitions that list each image. (default: the scheme's)"),
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help=f"{_BACKBONE_HELP} (default: {DEFAULT_BACKBONE})")
    ] = None,
    longest_side: LongestSide = None,
    class_weights: ClassWeights = None,
    feature_weights: FeatureWeights = None,
    model: Annotated[
        Path | None,
        typer.Option(
            parser=path_of,
            metavar="FILE",
            envvar="DSC_SERVER_MODEL",
            help="An ONNX model made by `dsc-server export`, instead of a backbone.",
        ),
    ] = None,
    head_labels: Annotated[
        int | None,
        typer.Option(
            "--head-labels", "-T", min=1, max=MAX_LABELS, help="T: labels in the head. (default: 5)"
        ),
    ] = None,
    num_subvectors: Annotated[
        int | None,
        typer.Option(
            "--subvectors",
            "-M",
            min=1,
            max=MAX_SUBVECTORS,
            help="M: sub-vectors of a code. (default: the scheme's, or 8)",
        ),
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option("--bits", "-L", min=1, max=8, help="L: bits of a sub-codeword, up to 8. (default: 8)"),
    ] = None,
    head_codec: Annotated[
        HeadCodec | None,
        typer.Option(help="Check bits of the head. (default: the scheme's, or crc6)"),
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(
            help="Type of the words of R, as devices download them. "
            "(default: int8 where each partition has a code, else float16)"
        ),
    ] = None,
    whitening: Annotated[
        Path | None,
        typer.Option(
            parser=path_of,
            metavar="FILE",
            help="A whitening learned from matched pairs (`dsc-model whiten`), for the scheme's rotation.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of k-means.")] = 0,
    device: Device = CPU,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Pass over files and folders of this name, or path below a place (glob). Repeatable.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at what cannot be read, instead of leaving it out.")
    ] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="The default: leave out what cannot be read.")
    ] = False,
    feature_store: Annotated[
        Path | None,
        typer.Option(
            parser=path_of,
            metavar="DIR",
            envvar="DSC_SERVER_FEATURE_STORE",
            help="Folder in which features are kept for later builds. (default: ~/.cache/dsc-server)",
        ),
    ] = None,
    no_keep: Annotated[bool, typer.Option("--no-keep", help="Extract all features, and keep none.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing index.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Build the index of all photos, or of a feature file; the directory appears complete or not at all."""
    if (features is None) == (not photos):
        raise typer.BadParameter(
            "expected PHOTOS or --features FILE, got " + ("both" if photos else "neither")
        )
    if features is not None:
        _require_no_photo_options(
            {
                "--backbone": backbone,
                "--longest-side": longest_side,
                "--class-weights": class_weights,
                "--feature-weights": feature_weights,
                "--device": None if device == CPU else device,
                "--exclude": exclude or None,
                "--strict": strict or None,
                "--skip-unreadable": skip_unreadable or None,
                "--feature-store": feature_store,
                "--no-keep": no_keep or None,
            }
        )
    if skip_unreadable:
        if strict:
            raise typer.BadParameter("expected --strict or --skip-unreadable, got both")
        say("--skip-unreadable is the default now, and need not be given")
    if model is not None:
        of_backbone = {
            "--backbone": backbone,
            "--longest-side": longest_side,
            "--class-weights": class_weights,
            "--feature-weights": feature_weights,
        }
        for option, given in of_backbone.items():
            if given is not None:
                raise typer.BadParameter(f"{option} changes nothing with a model (--model, DSC_SERVER_MODEL)")
    with refused_as_setting():  # before any photo is looked for
        parse_scheme(scheme)
    options = BuildOptions(
        scheme=scheme if spill is None else f"{scheme}+spill={spill}",
        backbone=backbone or DEFAULT_BACKBONE,
        backbone_options=BackboneOptions(longest_side, class_weights, feature_weights),
        model=model,
        head_labels=head_labels,
        num_subvectors=num_subvectors,
        bits_per_subvector=bits,
        head_codec=head_codec,
        precision=precision,
        whitening=whitening,
        seed=seed,
        hardware=device,
        strict=strict,
        exclude=tuple(exclude or ()),
        feature_store=None if no_keep else feature_store or cache_folder("dsc-server"),
        overwrite=overwrite,
    )
    index = real_target(index)  # links may change, and the current folder is replaced if it is the target
    require_known_settings(ServerSettings)  # a misspelt variable
    in_it = index == Path.cwd()
    totals = _run(photos or [], features, index, options)
    if in_it:
        say("the current folder was replaced: `cd .` enters the new one")
    print_description(index, as_json, totals)


def _require_no_photo_options(given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value is not None:
            raise typer.BadParameter(f"{option} changes nothing with --features")


def _run(photos: list[Path], features: Path | None, index: Path, options: BuildOptions) -> dict[str, Any]:
    try:  # only this command loads Faiss
        from dsc_common.cli.progress_bar import bar  # noqa: PLC0415
        from dsc_server.building.build import build as build_directory  # noqa: PLC0415
        from dsc_server.building.from_features import build_from_features  # noqa: PLC0415
        from dsc_server.building.tally import Tally  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DscError(f"building needs the extra `build` of deep-semantic-coding: {error}") from error
    if features is not None:
        build_from_features(features, index, options, say=say, track=bar)
        return {}
    tally = Tally(say, strict=options.strict)
    build_directory(photos, index, options, say=say, track=bar, tally=tally)
    return tally.as_dict()


def export(
    path: Annotated[Path, typer.Argument(parser=path_of, metavar="FILE", help="ONNX file to write.")],
    backbone: Backbone = DEFAULT_BACKBONE,
    longest_side: LongestSide = None,
    class_weights: ClassWeights = None,
    feature_weights: FeatureWeights = None,
) -> None:
    """Export a backbone to ONNX; building with the exported model needs no torch."""
    export_backbone(backbone, path, BackboneOptions(longest_side, class_weights, feature_weights))
    say(f"wrote {path}")
