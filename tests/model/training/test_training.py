"""Training as a whole: it learns, it resumes bit by bit, and what does not fit is one line."""

import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dsc_common.errors import DscError, InvalidInputError
from dsc_model.training import training as module
from dsc_model.training.feature_network import FeatureNetwork
from dsc_model.training.settings import TrainingSettings
from dsc_model.training.sources.reading import read_data
from dsc_model.training.training import BEST, LAST, LOG, Training, train
from dsc_model.training.validation import average_precisions, mean_average_precision
from helpers.tiny_torch import photo, tiny_photo_network, tiny_training, write_groups

SETTINGS = TrainingSettings(
    epochs=2, longest_side=48, rate=1e-3, queries=7, pool=12, batch=3, negatives=2, checkpoint=1
)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Training:
    return tiny_training(tmp_path_factory.mktemp("photos") / "a", SETTINGS)


@pytest.fixture(scope="module")
def whole(job: Training, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that was not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    train(job, folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


class KilledError(Exception):
    """Stands for a kill."""


def killed_at(number: int, monkeypatch: pytest.MonkeyPatch, *, before: bool) -> Callable[[], None]:
    """Raise at the `number`-th checkpoint, before or after it is written; the result undoes that."""
    write, count = module.write_checkpoint, 0

    def counted(*arguments: Any) -> None:
        nonlocal count
        count += 1
        if count == number and before:
            raise KilledError
        write(*arguments)
        if count == number:
            raise KilledError

    monkeypatch.setattr(module, "write_checkpoint", counted)
    return lambda: monkeypatch.setattr(module, "write_checkpoint", write)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 13, 3))
def test_killed_and_resumed_ends_as_if_it_was_not(
    number: int, before: bool, job: Training, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undo = killed_at(number, monkeypatch, before=before)
    with pytest.raises(KilledError):
        train(job, tmp_path)
    undo()
    train(job, tmp_path, resume=True)
    assert content(tmp_path) == content(whole)


def test_the_kills_above_are_at_all_checkpoints(
    job: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(1000, monkeypatch, before=True)
    counted = module.write_checkpoint
    written: list[str] = []
    monkeypatch.setattr(
        module, "write_checkpoint", lambda path, *rest: (written.append(path.name), counted(path, *rest))
    )
    train(job, tmp_path)
    # the start; for each of two epochs its plan, three steps and its end; and each epoch that is the best
    assert [written[0], written[1]] == [BEST, LAST]
    assert written.count(LAST) == 1 + 2 * 5
    assert len(written) <= 13


def test_a_resumed_training_can_go_on_for_more_epochs(job: Training, whole: Path, tmp_path: Path) -> None:
    train(replace(job, settings=replace(SETTINGS, epochs=1)), tmp_path)
    train(job, tmp_path, resume=True)
    ours, theirs = content(tmp_path), content(whole)
    assert ours[LOG] == theirs[LOG]
    assert all(torch.equal(a, b) for a, b in zip(model_of(tmp_path), model_of(whole), strict=True))


def model_of(folder: Path) -> list[torch.Tensor]:
    tensors = load_file(folder / LAST)
    return [tensors[name] for name in sorted(tensors) if name.startswith("model/")]


def test_four_tuples_are_learned_by_heart(tmp_path: Path) -> None:
    data = read_data(write_groups(tmp_path / "photos", 4, 2))
    data = replace(data, queries=data.queries[::2], positives=data.positives[::2])
    settings = replace(
        SETTINGS, epochs=40, rate=8e-3, batch=4, queries=4, pool=8, negatives=3, margin=0.5, checkpoint=99
    )
    said: list[str] = []
    train(Training("tiny", tiny_photo_network(), data, None, settings), tmp_path / "out", say=said.append)
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in said if "loss" in line]
    assert len(losses) == 40
    assert losses[0] > 0.1
    assert max(losses[-5:]) < 0.002


def test_training_keeps_statistics_and_the_classifier(job: Training, whole: Path) -> None:
    before, network = job.network.state_dict(), tiny_photo_network()
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    after = load_file(whole / LAST)
    changed = {
        name
        for name, value in before.items()
        if f"model/{name}" in after and not torch.equal(after[f"model/{name}"], value)
    }
    assert changed == {"trunk.1.weight", "trunk.2.weight", "trunk.2.bias", "trunk.4.weight", "trunk.4.bias"}
    assert float(after["model/p"]) != 3.0


def test_the_trained_network_has_the_probabilities_of_the_untouched_one(
    job: Training, tmp_path: Path
) -> None:
    best = train(replace(job, validation=None), tmp_path)
    with torch.no_grad():
        feature, probabilities = best(photo())
        old_feature, old_probabilities = job.network(photo())
    assert torch.equal(probabilities, old_probabilities)
    assert not torch.allclose(feature, old_feature)
    assert float(feature.norm()) == pytest.approx(1, abs=1e-6)
    network = FeatureNetwork(job.network)
    network.load_state_dict({n.removeprefix("model/"): t for n, t in load_file(tmp_path / BEST).items()})
    assert torch.allclose(network.describe([photo()])[0], feature[0], atol=1e-6)


def test_without_a_gain_the_network_of_the_start_is_the_best(
    job: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = iter([0.9, 0.8, 0.9])
    monkeypatch.setattr(module, "mean_average_precision", lambda *_: next(measured))
    said: list[str] = []
    assert train(job, tmp_path, say=said.append) is job.network
    assert said[3:] == ["no epoch is better than the network before: it is kept"]


def test_photos_of_several_shapes_are_described_as_one_by_one() -> None:
    network = FeatureNetwork(tiny_photo_network())
    photos = [photo(side, side) for side in (64, 48, 64, 80, 48)]
    with torch.no_grad():
        together = network.describe(photos)
        alone = torch.cat([network.describe([one]) for one in photos])
    assert torch.allclose(together, alone, atol=1e-6)


def test_validation_is_a_plain_loop(job: Training) -> None:
    data = job.data
    descriptors = np.random.default_rng(0).standard_normal((len(data.photos), 4)).astype(np.float32)
    expected = []
    for query, positives in zip(data.queries.tolist(), data.positives, strict=True):
        others = [number for number in range(len(data.photos)) if number != query]
        others.sort(key=lambda number: -float(descriptors[number] @ descriptors[query]))
        hits, precisions = 0, []
        for rank, number in enumerate(others, 1):
            if number in positives:
                hits += 1
                precisions.append(hits / rank)
        expected.append(sum(precisions) / len(positives))
    assert average_precisions(descriptors, data) == pytest.approx(expected)
    assert mean_average_precision(descriptors, data) == pytest.approx(sum(expected) / len(expected))


def refusal(job: Training, folder: Path, *, resume: bool = True) -> str:
    before = content(folder)
    with pytest.raises(DscError) as error:
        train(job, folder, resume=resume)
    assert content(folder) == before
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_checkpoint_of_something_else_is_one_line(job: Training, whole: Path, tmp_path: Path) -> None:
    path = whole / LAST
    other = replace(job, backbone="other")
    assert refusal(other, whole) == f"{path} is of another training: expected the network other, got tiny"
    start = replace(job, network=tiny_photo_network(seed=1))
    assert "expected the parameters at the start" in refusal(start, whole)
    data = replace(job, data=read_data(write_groups(tmp_path / "b", 8, 3)))
    assert "expected the photos or matches" in refusal(data, whole)
    settings = replace(job, settings=replace(SETTINGS, margin=0.5))
    assert refusal(settings, whole) == f"{path} is of another training: expected margin 0.5, got 0.85"
    assert "has a training already: --resume continues it" in refusal(job, whole, resume=False)


def test_a_damaged_checkpoint_is_one_line(job: Training, whole: Path, tmp_path: Path) -> None:
    good = (whole / LAST).read_bytes()
    for bad in (b"", good[:100], good[:-1], good[:4] + b"\xff" + good[5:]):
        (tmp_path / LAST).write_bytes(bad)
        assert "is no checkpoint, or is damaged" in refusal(job, tmp_path)
    tensors = load_file(whole / LAST)
    save_file(tensors, tmp_path / LAST)
    assert "is no checkpoint of a training" in refusal(job, tmp_path)
    save_file(tensors, tmp_path / LAST, {"dsc.training": '{"format": 2}'})
    assert "expected format 1, got 2" in refusal(job, tmp_path)
    save_file(tensors, tmp_path / LAST, {"dsc.training": '{"format": 1}'})
    assert "is damaged: its state lacks 'backbone'" in refusal(job, tmp_path)
    (tmp_path / LAST).unlink()
    (tmp_path / LAST).mkdir()
    with pytest.raises(InvalidInputError, match=r"cannot read .*last\.safetensors"):
        train(job, tmp_path, resume=True)


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file can grow beyond 4 kB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


def test_no_room_for_a_checkpoint_leaves_the_last_one_whole(
    job: Training, tmp_path: Path, request: pytest.FixtureRequest, whole: Path
) -> None:
    train(replace(job, settings=replace(SETTINGS, epochs=1)), tmp_path)
    request.getfixturevalue("little_room")
    assert refusal(job, tmp_path) == f"cannot write the checkpoint {tmp_path / LAST}: File too large"


def test_a_photo_that_cannot_be_read_is_one_line_before_the_work(job: Training, tmp_path: Path) -> None:
    folder = write_groups(tmp_path / "photos", 4, 2)
    (folder / "group01" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    broken = replace(job, data=read_data(folder), validation=None)
    with pytest.raises(InvalidInputError, match=r"0\.png"):
        train(broken, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_one_line(job: Training, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(InvalidInputError, match="expected a folder for checkpoints, got a file"):
        train(job, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_two_trainings_do_not_share_a_folder(job: Training, tmp_path: Path) -> None:
    def say(_line: str) -> None:
        with pytest.raises(InvalidInputError, match="another training writes to"):
            train(job, tmp_path, resume=True)
        raise KilledError

    with pytest.raises(KilledError):
        train(job, tmp_path, say=say)


def test_a_loss_that_is_no_number_ends_the_training(job: Training, tmp_path: Path) -> None:
    network = tiny_photo_network()
    with torch.no_grad():
        network.trunk[4].bias.fill_(float("inf"))
    with pytest.raises(DscError, match="the loss is no number any more"):
        train(replace(job, network=network, validation=None), tmp_path)
