"""The demonstration's run: build an index, start server and channel, and query at several SNRs."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from dsc_common.errors import DscError
from dsc_demo.answers import Answer, Round, answer_from_json, judge
from dsc_demo.gallery import Gallery
from dsc_demo.processes import ChildProcess, ProcessFailedError, ServiceProcess, python_module

SNRS_DB = (float("inf"), 12.0, 8.0, 5.0, 0.0)
TOP = 10
_REPORTED_EXIT_CODES = (1, 2)
_ANY_FREE_PORT = "127.0.0.1:0"
_READY_S = 120.0
_SILENT_S = 300.0


class BuiltIndex(BaseModel):
    """Output of `dsc-server build --json` on an index."""

    images: int
    labels: int
    partitions_in_use: int


def build_index(photos: Path, index: Path) -> BuiltIndex:
    """Run `dsc-server build` with its stderr (progress) shown.

    Raises:
        SystemExit: it ended with exit code 1 or 2, and has said why.
        ProcessFailedError: it was killed, or describes no index.
    """
    options: list[str | Path] = ["--index", index, "--overwrite", "--json"]
    command = python_module("dsc_server", "build", photos, *options)
    with ChildProcess("dsc-server build", command, show_stderr=True) as build:
        said = list(build.lines())
        if build.wait() in _REPORTED_EXIT_CODES:
            raise SystemExit(build.returncode)
        build.check()
    try:
        return BuiltIndex.model_validate_json("".join(said))
    except ValidationError as error:
        raise ProcessFailedError(f"dsc-server build described no index: {said}") from error


@dataclass(frozen=True)
class Services:
    """Where the running server and channel listen, as HOST:PORT."""

    server: str
    channel: str


def start_services(index: Path, stack: ExitStack) -> Services:
    """Start server and channel; they end when the stack does.

    Raises:
        ProcessFailedError: one of them ended early, or is not ready in time.
    """
    command = python_module("dsc_server", "serve", "--index", index, "--listen", _ANY_FREE_PORT)
    server = stack.enter_context(ServiceProcess("dsc-server", command, ready_s=_READY_S))
    command = python_module("dsc_channel", "serve", "--listen", _ANY_FREE_PORT, "--server", server.address)
    channel = stack.enter_context(ServiceProcess("dsc-channel", command, ready_s=_READY_S))
    return Services(server.address, channel.address)


def query_at(
    gallery: Gallery, services: Services, snr_db: float, *, seed: int, on_answer: Callable[[], None]
) -> tuple[Round, list[str]]:
    """Send every query of the gallery over a channel of one SNR; `on_answer` is called at every answer.

    Returns:
        The judged answers in the order of the gallery's queries, and the device's lines as they came.

    Raises:
        ProcessFailedError: the device failed, or left a query unanswered.
    """
    lines: list[str] = []
    with ChildProcess("dsc-device", _device_command(gallery, services, snr_db, seed)) as device:
        for line in device.lines(_SILENT_S):
            lines.append(line)
            on_answer()
        device.check()
    answers = {Path(answer.query).name: answer for answer in _answers(lines)}
    missing = [query.path.name for query in gallery.queries if query.path.name not in answers]
    if missing:
        raise ProcessFailedError(f"dsc-device gave no answer for {missing[0]} ({len(missing)} in all)")
    trials = tuple(judge(gallery, query, answers[query.path.name]) for query in gallery.queries)
    return Round(snr_db, trials), lines


def _answers(lines: Sequence[str]) -> list[Answer]:
    try:
        return [answer_from_json(line) for line in lines if line.strip()]
    except DscError as error:
        raise ProcessFailedError(f"dsc-device: {error}") from error


def _device_command(gallery: Gallery, services: Services, snr_db: float, seed: int) -> list[str]:
    photos = [query.path for query in gallery.queries]
    where = ["--server", services.server, "--channel", services.channel]
    how = ["--snr-db", f"{snr_db:g}", "--seed", str(seed), "--top", str(TOP), "--json"]
    return python_module("dsc_device", "query", *photos, *where, *how)
