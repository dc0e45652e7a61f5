"""A database in this process: built from photos or arrays, queried without services."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from deep_semantic_coding.arrays import extraction_of, likely_labels, unit_features
from dsc_common.codebook.manifest import ArtifactKind, Manifest
from dsc_common.errors import InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.packet.format import PacketFormat
from dsc_common.progress import Track, untracked
from dsc_common.radio.link import ReceivedSignal
from dsc_common.retrieval.options import Policy, Ranking, RetrievalOptions
from dsc_common.retrieval.results import RankedResults
from dsc_device.encoder_kit import EncodedPacket, EncoderKit
from dsc_server.index.catalogue import Catalogue, CatalogueImage
from dsc_server.index.files import LoadedIndex, read_index
from dsc_server.index.search_limits import SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.retrieval import retrieve
from dsc_server.scheme_specs import DEFAULT_SCHEME, SchemeSpec, parse_scheme

if TYPE_CHECKING:
    from dsc_server.building.options import BuildOptions


@dataclass(frozen=True, eq=False)
class Database:
    """A database of images; made with `from_photos`, `from_arrays` or `open`, and never changed.

    Calls from several threads are safe.

    Attributes:
        index: lists, codes and features; its fields may change with the version.
        kit: the encoder of queries.
        limits: bounds on the work of one query.
    """

    index: SemanticIndex
    kit: EncoderKit
    limits: SearchLimits
    _catalogue: Catalogue

    @classmethod
    def from_photos(
        cls,
        places: Sequence[str | Path] | str | Path,
        *,
        folder: str | Path | None = None,
        scheme: str = DEFAULT_SCHEME,
        head_labels: int = 5,
        backbone: str = "efficientnet-lite0",
        model: str | Path | None = None,
        seed: int = 0,
        skip_unreadable: bool = False,
        feature_store: str | Path | None = None,
        say: Callable[[str], None] = lambda line: None,
        track: Track[Any] = untracked,
    ) -> "Database":
        """Build a database of photos, as `dsc-server build` does; needs the extra `build`.

        Args:
            places: photos, or folders of photos.
            folder: index directory to write, for `open` and `dsc-server serve`; by default a temporary one.
            scheme: a scheme with changes, as in docs/schemes.md.
            head_labels: T.
            backbone: the network, exported with torch (extra `server`), unless `model` is given.
            model: an exported model.
            seed: seed of k-means and of the rotation.
            skip_unreadable: leave out what cannot be read, instead of stopping.
            feature_store: folder in which features are kept for later calls; by default none are kept.
            say: receives lines for a person, such as the name of a skipped photo.
            track: shows progress; takes the items, a description, and the number of items.

        Raises:
            InvalidInputError: no photo, an unreadable photo, or an invalid scheme or option.
        """
        from dsc_server.building.options import BuildOptions  # noqa: PLC0415 (the extra `build`)

        options = BuildOptions(
            scheme=scheme,
            backbone=backbone,
            model=None if model is None else Path(model),
            head_labels=None if head_labels == 5 else head_labels,  # 5: also for schemes without a head
            seed=seed,
            strict=not skip_unreadable,
            feature_store=None if feature_store is None else Path(feature_store),
        )
        paths = [Path(place) for place in ([places] if isinstance(places, str | Path) else places)]
        if folder is not None:
            return cls._built(paths, Path(folder), options, say, track)
        with tempfile.TemporaryDirectory() as temporary:  # its files stay mapped after removal
            return cls._built(paths, Path(temporary) / "index", options, say, track)

    @classmethod
    def _built(
        cls,
        places: Sequence[Path],
        target: Path,
        options: "BuildOptions",
        say: Callable[[str], None],
        track: Track[Any],
    ) -> "Database":
        from dsc_server.building.build import build  # noqa: PLC0415 (the extra `build`)
        from dsc_server.building.tally import Tally  # noqa: PLC0415

        tally = Tally(say, strict=options.strict, instead="skip_unreadable=True leaves it out")
        build(places, target, options, say=say, track=track, tally=tally)
        return cls.open(target)

    @classmethod
    def from_arrays(
        cls,
        features: ArrayLike,
        probabilities: ArrayLike,
        ids: Sequence[str] | None = None,
        *,
        scheme: str = DEFAULT_SCHEME,
        head_labels: int = 5,
        seed: int = 0,
        track: Track[int] = untracked,
    ) -> "Database":
        """Build a database of features and label probabilities; needs the extra `build`, and no network.

        Args:
            features: (N, F), of any length above 0.
            probabilities: (N, K), from any classifier or clustering.
            ids: ids of the images; by default their numbers from 0.
            scheme: a scheme with changes.
            head_labels: T; at most K.
            seed: seed of k-means and of the rotation.
            track: shows progress over partitions.

        Raises:
            InvalidInputError: arrays that do not fit each other, or a scheme that does not fit the arrays.
        """
        from dsc_server.building.indexing import build_index  # noqa: PLC0415 (the extra `build`)

        unit = unit_features(features)
        labels, num_labels = likely_labels(probabilities, len(unit))
        names = [str(number) for number in range(len(unit))] if ids is None else list(ids)
        if len(names) != len(unit):
            raise InvalidInputError(f"expected ids of {len(unit)} images, got {len(names)}")
        spec = parse_scheme(scheme)
        fmt = PacketFormat(num_partitions=num_labels, head_labels=head_labels)
        index = build_index(unit, labels, fmt, spec, seed=seed, track=track)
        catalogue = [
            CatalogueImage(name, "", int(label)) for name, label in zip(names, labels[:, 0], strict=True)
        ]
        manifest = _manifest(index, spec, unit.shape[1], len(unit))
        return cls(index, EncoderKit(manifest, index.codebook, None), SearchLimits(), catalogue)

    @classmethod
    def open(cls, folder: str | Path) -> "Database":
        """The database of an index directory.

        Raises:
            DamagedIndexError: a file is missing, altered, or does not fit the others.
        """
        loaded: LoadedIndex = read_index(Path(folder))
        extractor = Extractor(loaded.artifacts[ArtifactKind.MODEL][:])
        kit = EncoderKit(loaded.manifest.offer(), loaded.index.codebook, extractor)
        return cls(loaded.index, kit, SearchLimits(), loaded.catalogue)

    def with_limits(self, limits: SearchLimits) -> "Database":
        """The same database with other bounds on the work of one query."""
        return replace(self, limits=limits)

    def extract(self, photo: str | Path) -> Extraction:
        """Feature q and label probabilities p of a photo; InvalidImageError if it cannot be read."""
        return self.kit.extract(Path(photo))

    def encode(
        self, query: str | Path | Extraction | ArrayLike, probabilities: ArrayLike | None = None
    ) -> EncodedPacket:
        """Encode a query into a packet (eqs. 4-6, 11, 12).

        Args:
            query: path of a photo; or an extraction; or a feature (F,), with probabilities (K,).
            probabilities: probabilities for a feature.

        Raises:
            InvalidInputError: q or p do not fit the database, or a photo and a database built from arrays.
        """
        return self.kit.encode(query_of(query, probabilities))

    def retrieve(
        self,
        signals: ReceivedSignal | Sequence[ReceivedSignal],
        *,
        top: int = 10,
        ranking: Ranking | None = None,
        receiver: str | None = None,
        policy: Policy = Policy.RETURN,
        confidence_threshold: float | None = None,
    ) -> RankedResults:
        """Decode the received signals of a packet, and rank the images of the partitions that it names.

        Args:
            signals: one transmission of a packet, or several, which are combined.
            top: number of results.
            ranking: ranking method; by default the method that the database was built for.
            receiver: hard, list, soft or joint; by default joint.
            policy: action on low confidence; exhaustive searches the whole database.
            confidence_threshold: confidence below it is low; by default 0.5.

        Raises:
            InvalidInputError: signals of another packet format, or an invalid option.
        """
        arrived = [signals] if isinstance(signals, ReceivedSignal) else list(signals)
        options = RetrievalOptions(top, ranking, receiver, policy, confidence_threshold)
        return retrieve(self.index, self._catalogue, arrived, options, self.limits)


def query_of(
    query: str | Path | Extraction | ArrayLike, probabilities: ArrayLike | None
) -> Path | Extraction:
    """A query in any of its forms: a path, an extraction, or a feature with probabilities."""
    if isinstance(query, str | Path):
        return Path(query)
    if isinstance(query, Extraction):
        return query
    if probabilities is None:
        raise InvalidInputError("expected probabilities (K,) with a feature, got none")
    return extraction_of(query, probabilities)


def _manifest(index: SemanticIndex, spec: SchemeSpec, feature_dim: int, num_images: int) -> Manifest:
    version = hashlib.sha256(index.codebook.words.tobytes() + index.codebook.scales.tobytes()).hexdigest()[
        :16
    ]
    return Manifest(
        codebook_version=version,
        scheme=spec.name,
        format=index.format,
        feature_dim=feature_dim,
        num_images=num_images,
        artifacts={},
        head_rule=spec.head_rule,
        sequential=spec.sequential,
    )
