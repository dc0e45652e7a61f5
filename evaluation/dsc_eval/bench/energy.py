"""Energy over the air of a query, beside the least that a JPEG file of its photo needs.

The packet's energy is that of the link report. The file's is Shannon's limit (`measures.energy`): in as many
channel uses as the packet, at the packet's SNR in as many uses as that takes, and in any number of uses.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from dsc_channel.reporting import report
from dsc_common.errors import InvalidInputError
from dsc_common.features.kinds import kind_of_file
from dsc_common.radio.link import LinkReport, LinkSettings
from dsc_eval.bench.bench import SnrPoints
from dsc_eval.experiments.settings import MAX_SEEDS, POINTS_HELP
from dsc_eval.measures.energy import least_energy_db, least_energy_of_any_uses_db, least_uses
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import Scheme, build_scheme, head_labels_for
from dsc_eval.output import Row, rounded
from dsc_eval.scheme_names import SchemeName
from dsc_server.scheme_specs import DEFAULT_SCHEME, parse_scheme

NAME = "energy"
THREADS = 1
QUANTILES = {"": 0.5, "_p10": 0.1, "_p90": 0.9}  # over the photos
SHOWN = (
    *("snr_db", "packet_bytes", "uses", "energy_db", "jpeg_bytes", "jpeg_same_uses_db"),
    *("jpeg_uses", "jpeg_same_snr_db", "jpeg_any_uses_db"),
)


class EnergySettings(BaseModel):
    """Settings of the comparison.

    Attributes:
        scheme: of the packets.
        snr_db: points of the link, BPSK.
        seed: of k-means and rotations.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    scheme: SchemeName = Field(
        default=DEFAULT_SCHEME, description=f"Scheme of the packets. (default: {DEFAULT_SCHEME})"
    )
    snr_db: SnrPoints = Field(
        default=[-10, -5, -2, 0, 2, 5, 8, 10, 15], min_length=1, description=f"{POINTS_HELP}; finite."
    )
    seed: int = Field(default=0, ge=0, lt=MAX_SEEDS, description="Seed of everything that is random.")

    @field_validator("snr_db")
    @classmethod
    def _finite(cls, values: list[float]) -> list[float]:
        if not np.isfinite(values).all():
            raise ValueError("expected finite SNRs: without noise nothing takes energy")
        return values


def run(data: BenchmarkData, settings: EnergySettings) -> Iterator[Row]:
    """One row per SNR: medians over the queries whose photos are JPEG files.

    Raises:
        InvalidInputError: no query's photo is a JPEG file.
    """
    paths = [query.path for query in data.benchmark.queries]
    chosen = [number for number, path in enumerate(paths) if _is_jpeg(path)]
    if not chosen:
        raise InvalidInputError(f"{data.benchmark.name}: expected queries that are JPEG files, got none")
    sizes = np.array([paths[number].stat().st_size for number in chosen])
    head_labels = head_labels_for(data.features.num_labels)
    scheme = build_scheme(parse_scheme(settings.scheme), data.features, head_labels, settings.seed)
    packets = [scheme.pack(data.features.queries[number]) for number in chosen]
    for snr_db in settings.snr_db:
        reports = [_sent(scheme, packet, LinkSettings(snr_db=snr_db)) for packet in packets]
        yield {**row_of(snr_db, reports, sizes), "packet_bytes": len(packets[0]), **data.source}


def _is_jpeg(path: Path) -> bool:
    kind = kind_of_file(path)
    return kind is not None and kind.readers[:1] == ("JPEG",)


def _sent(scheme: Scheme, packet: bytes, link: LinkSettings) -> LinkReport:
    """The link report of a packet; only its energy and uses are looked at."""
    return report(packet, scheme.format, link, [], [], transmissions=1)


def row_of(snr_db: float, reports: Sequence[LinkReport], sizes: NDArray[np.int64]) -> Row:
    """Energies in dB above σ²; of files also the 10th and 90th percentile of their sizes.

    Args:
        snr_db: of the link.
        reports: of the packets.
        sizes: (n,) bytes of the files.
    """
    uses = float(np.median([each.channel_uses for each in reports]))
    energy = float(np.median([each.energy for each in reports]))  # in units of P
    row: Row = {
        "snr_db": snr_db,
        "photos": len(sizes),
        "uses": uses,
        "energy": rounded(energy),
        "energy_db": rounded(10 * np.log10(energy) + snr_db),
    }
    for name, fraction in QUANTILES.items():
        size = float(np.quantile(sizes, fraction))
        needed = least_uses(8 * size, snr_db)
        row |= {
            f"jpeg_bytes{name}": round(size),
            f"jpeg_same_uses_db{name}": rounded(least_energy_db(8 * size, uses)),
            f"jpeg_uses{name}": round(needed),
            f"jpeg_same_snr_db{name}": rounded(10 * np.log10(needed) + snr_db),
            f"jpeg_any_uses_db{name}": rounded(least_energy_of_any_uses_db(8 * size)),
        }
    return row
