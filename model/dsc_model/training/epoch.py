"""An epoch: mining its hard negatives, and its steps, each over a batch of tuples."""

from collections.abc import Callable

import torch
from torch import Tensor

from dsc_common.errors import DscError
from dsc_common.progress import Track
from dsc_model.training.describing import describe_photos
from dsc_model.training.feature_network import FeatureNetwork
from dsc_model.training.loss import contrastive_loss, pair_distances
from dsc_model.training.mining import hard_negatives
from dsc_model.training.photo_reader import PhotoReader
from dsc_model.training.settings import TrainingSettings
from dsc_model.training.state import Plan, State, Totals
from dsc_model.training.tuples import TrainingSet, choose

P_MIN = 1.0  # GeM with p = 1 is the mean; below it, large values would count less than small ones


def mine(
    network: FeatureNetwork,
    data: TrainingSet,
    reader: PhotoReader,
    settings: TrainingSettings,
    epoch: int,
    track: Track[list[Tensor]],
) -> Plan:
    """The tuples of an epoch, with the negatives that are the hardest for the network as it is."""
    choice = choose(data, settings.queries, settings.pool, settings.negatives, settings.seed, epoch)
    wanted = [*choice.queries.tolist(), *choice.pool.tolist()]
    rows = {photo: row for row, photo in enumerate(dict.fromkeys(wanted))}
    descriptors = describe_photos(
        network,
        [data.photos[photo] for photo in rows],
        reader,
        track,
        f"epoch {epoch + 1}, mining",
        mixed=settings.mixed,
    )
    negatives = hard_negatives(
        descriptors[[rows[photo] for photo in choice.queries.tolist()]],
        data.clusters[choice.queries],
        descriptors[[rows[photo] for photo in choice.pool.tolist()]],
        data.clusters[choice.pool],
        settings.negatives,
    )
    return Plan(choice.queries, choice.positives, choice.pool[negatives])


def run_epoch(
    network: FeatureNetwork,
    optimizer: torch.optim.Optimizer,
    data: TrainingSet,
    reader: PhotoReader,
    settings: TrainingSettings,
    state: State,
    after_step: Callable[[], None],
    track: Track[list[Tensor]],
) -> None:
    """Make the remaining steps of the state's epoch; the state counts them.

    Args:
        network: to be trained.
        optimizer: of its parameters, at the rate of this epoch.
        data: the photos.
        reader: reads them.
        settings: of the training.
        state: with the plan of the epoch.
        after_step: called after each step.
        track: shows progress over tuples.
    """
    plan = state.plan
    if plan is None:
        raise ValueError("expected a plan of the epoch, got none")
    first = state.step * settings.batch
    tuples = [[data.photos[photo] for photo in plan.members(number)] for number in range(first, len(plan))]
    pixels = track(reader.ahead(tuples), f"epoch {state.epoch + 1}, tuples", len(tuples))
    for number, photos in enumerate(pixels, first):
        _add_gradients(network, photos, settings, state.totals)
        if (number + 1) % settings.batch == 0 or number + 1 == len(plan):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            with torch.no_grad():
                network.p.clamp_(min=P_MIN)
            state.step += 1
            after_step()


def _add_gradients(
    network: FeatureNetwork, photos: list[Tensor], settings: TrainingSettings, totals: Totals
) -> None:
    distances = pair_distances(network.describe(photos, mixed=settings.mixed))
    matched = torch.zeros(len(distances), dtype=torch.bool, device=distances.device)
    matched[0] = True
    loss = contrastive_loss(distances, matched, settings.margin)
    if not bool(torch.isfinite(loss)):
        raise DscError("the loss is no number any more: a lower --rate may help")
    torch.autograd.backward(loss)
    apart = distances.detach().cpu()
    totals.tuples += 1
    totals.loss += float(loss.detach())
    totals.positive_distance += float(apart[0])
    totals.negative_distance += float(apart[1:].mean())
