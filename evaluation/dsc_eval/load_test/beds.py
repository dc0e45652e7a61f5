"""The services of a load test, one after the other: those that run already, or one server for each scheme."""

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dsc_common.cli.streams import say
from dsc_common.errors import SettingError
from dsc_device.settings import DeviceSettings
from dsc_eval.bench.search import queries_to_ask
from dsc_eval.load.packets import encode_offline, encode_with
from dsc_eval.load.queries import find_queries
from dsc_eval.load.served_index import write_index
from dsc_eval.load_test.bed import Bed, given_services, messages_of, own_services, running_generators
from dsc_eval.load_test.own_data import own_data
from dsc_eval.load_test.record import Conditions
from dsc_eval.load_test.settings import OfferSettings
from dsc_eval.offline.benchmark_data import BenchmarkData

MOST_QUERIES = 200


@dataclass(frozen=True)
class Source:
    """What packets and index are made of.

    Attributes:
        photos, features: of the packets for services that run already.
        ground_truth: of index and packets of services that are started; None: the demonstration's.
        model: exported network for these.
    """

    photos: list[str]
    features: Path | None = None
    ground_truth: str | None = None
    model: Path | None = None


def are_given(settings: DeviceSettings) -> bool:
    """Whether services that run already are named."""
    return bool({"server", "channel"} & settings.model_fields_set)


def require_fitting(source: Source, settings: DeviceSettings) -> None:
    """Raise SettingError if the source does not fit the services."""
    if are_given(settings):
        if source.ground_truth is not None:
            raise SettingError("expected no --ground-truth with --server or --channel: their index is built")
        if (source.features is None) == (not source.photos):
            raise SettingError("expected PHOTOS or --features FILE with --server or --channel")
    elif source.photos or source.features is not None:
        raise SettingError("expected --server and --channel with PHOTOS or --features, got neither")


def beds(
    source: Source, offered: OfferSettings, settings: DeviceSettings
) -> Generator[tuple[Bed, Conditions]]:
    """Each with its conditions; it ends when the next one is asked for.

    Raises:
        DscError: photos cannot be read, or services do not start or answer.
    """
    if are_given(settings):
        with _given_bed(source, offered, settings) as bed:
            yield bed
        return
    data = own_data(source.ground_truth, source.model)
    for scheme in offered.schemes:
        with _own_bed(data, scheme, offered) as bed:
            yield bed


@contextmanager
def _given_bed(
    source: Source, offered: OfferSettings, settings: DeviceSettings
) -> Iterator[tuple[Bed, Conditions]]:
    packets = encode_with(settings, find_queries(source.photos, source.features))
    messages = messages_of(packets, offered.kinds, offered.seed)
    with running_generators(offered.generators, alone=False) as generators:
        bed = Bed(given_services(settings), generators, messages, offered.connections)
        yield bed, _conditions(offered, "", len(packets.data))


@contextmanager
def _own_bed(data: BenchmarkData, scheme: str, offered: OfferSettings) -> Iterator[tuple[Bed, Conditions]]:
    numbers = queries_to_ask(len(data.features.queries), MOST_QUERIES)
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        say(f"index: {scheme}, {len(data.features.database):,} photos")
        write_index(data.features, index, scheme, offered.seed)
        packets = encode_offline(index, [data.features.queries[number] for number in numbers])
        messages = messages_of(packets, offered.kinds, offered.seed)
        with (
            own_services(scheme, index, offered.generators) as services,
            running_generators(offered.generators, alone=True) as generators,
        ):
            photos = f"{data.benchmark.name}, {len(data.features.database):,} photos"
            bed = Bed(services, generators, messages, offered.connections)
            yield bed, _conditions(offered, photos, len(packets.data))


def _conditions(offered: OfferSettings, data: str, messages: int) -> Conditions:
    mix = {kind.name: kind.weight for kind in offered.kinds}
    return Conditions(offered.model_dump(mode="json"), mix, data, messages)
