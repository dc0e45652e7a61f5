"""`dsc-server serve`: serves an index until it is stopped; needs neither torch nor Faiss."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli import tls_options
from dsc_common.cli.paths import path_of
from dsc_common.cli.settings import read_settings
from dsc_common.errors import DamagedIndexError
from dsc_common.observing.observer import Observer
from dsc_common.observing.options import LogFormatOption, LogLevelOption, MetricsOption
from dsc_common.observing.service_metrics import watch_pool
from dsc_common.observing.setup import observing
from dsc_common.serving.batches import batches_in_threads
from dsc_common.serving.server import serve as serve_until_stopped
from dsc_server.commands.info import say
from dsc_server.index.files import read_index
from dsc_server.index.manifest import MANIFEST
from dsc_server.index.moved import moved
from dsc_server.ranking.preparing import prepare
from dsc_server.receiving.registry import DEFAULT_RECEIVER, RECEIVERS
from dsc_server.serving.outcomes import outcomes_in
from dsc_server.serving.services import services
from dsc_server.settings import ServerSettings


def serve(
    index: Annotated[
        Path | None,
        typer.Option(parser=path_of, metavar="DIR", help="The index directory. (env: DSC_SERVER_INDEX)"),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Listening address; port 0 selects a free port. "
            "(env: DSC_SERVER_LISTEN, default: 127.0.0.1:50051)",
        ),
    ] = None,
    receiver: Annotated[
        str | None,
        typer.Option(
            help=f"Receiver for requests that name none: {', '.join(RECEIVERS)}. "
            f"(env: DSC_SERVER_RECEIVER, default: {DEFAULT_RECEIVER})"
        ),
    ] = None,
    photos_moved: Annotated[
        str | None,
        typer.Option(
            metavar="OLD=NEW",
            help="Photos have moved from the folder OLD to NEW, a folder or URI. "
            "(env: DSC_SERVER_PHOTOS_MOVED)",
        ),
    ] = None,
    wait_for_index_s: Annotated[
        float | None, typer.Option(help="Seconds to wait for the index to appear. (default: 0)")
    ] = None,
    tls_certificate: tls_options.Certificate = None,
    tls_key: tls_options.Key = None,
    tls_client_ca: tls_options.ClientCa = None,
    tokens: Annotated[
        Path | None,
        typer.Option(
            parser=path_of,
            metavar="FILE",
            help="Tokens of `dsc-server token`, one of which each request needs. (env: DSC_SERVER_TOKENS)",
        ),
    ] = None,
    insecure: tls_options.Insecure = None,
    metrics: MetricsOption = None,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
) -> None:
    """Serve an index; print "listening on HOST:PORT" once it is ready. SIGTERM stops it gracefully.

    Every setting can come from the environment (DSC_SERVER_…), also those without an option:
    THREADS, TABLE_MEMORY_MIB, MAX_MESSAGE_BYTES, MAX_REQUESTS_AT_ONCE, MAX_REQUESTS_PER_S, MAX_QUEUE_S,
    MAX_DOWNLOADS_AT_ONCE, MAX_CONNECTIONS, STALL_S, GRACE_S, SLOW_REQUEST_S, METRICS_BEYOND_LOOPBACK;
    and the bounds on the work of one query,
    MAX_SIGNALS, MAX_SAMPLES, MAX_CANDIDATES, MIN_CANDIDATES, MAX_PARTITIONS, RERANK_DEPTH,
    LABELS_PER_SLOT, SCRAMBLED_LABELS, LIKELY_CODEWORDS.
    """
    settings = read_settings(
        ServerSettings,
        index=index,
        listen=listen,
        receiver=receiver,
        photos_moved=photos_moved,
        wait_for_index_s=wait_for_index_s,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        tls_client_ca=tls_client_ca,
        tokens=tokens,
        insecure=insecure,
        metrics=metrics,
        log_format=log_format,
        log_level=log_level,
    )
    with observing(settings, "server") as observer:
        _serve(settings, observer)


def _serve(settings: ServerSettings, observer: Observer) -> None:
    if settings.exposure:
        say(settings.exposure)
    access = settings.access
    _wait_for_index(settings.index, settings.wait_for_index_s)
    loaded = read_index(settings.index)
    if settings.photos_moved is not None:
        loaded = replace(loaded, catalogue=moved(loaded.catalogue, settings.photos_moved))
    say(
        f"index {settings.index}: {loaded.manifest.num_images} images, "
        f"codebook version {loaded.manifest.codebook_version}"
    )
    if prepare(loaded.index, settings.table_memory_mib << 20) == "numpy":
        say("note: numba is not installed: ranking takes several times as long")
    with batches_in_threads(settings.threads, settings.max_queue_s) as work:
        outcome = None
        if observer.registry is not None:
            watch_pool(observer.registry, work, settings.threads)
            outcome = outcomes_in(observer.registry, loaded, settings.search_limits)
        grpc_services = services(
            loaded, work, settings.receiver, settings.search_limits, outcome, settings.request_limits
        )
        serve_until_stopped(settings.listen, grpc_services, settings.limits, settings.tls, observer, access)


def _wait_for_index(index: Path, limit_s: float) -> None:
    """Wait for the manifest: an index directory appears complete, in one rename."""
    deadline = time.monotonic() + limit_s
    if limit_s and not (index / MANIFEST).exists():
        say(f"waiting up to {limit_s:g} s for an index in {index}")
    while not (index / MANIFEST).exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    if limit_s and not (index / MANIFEST).exists():
        raise DamagedIndexError(f"no index appeared in {index} within {limit_s:g} s")
