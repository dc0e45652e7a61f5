"""Adam for a feature network: p learns faster than the rest and is not decayed, as in cirtorch."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dsc_model.training.feature_network import P
from dsc_model.training.settings import TrainingSettings

BETA_2 = 0.999


def new_optimizer(trained: Mapping[str, nn.Parameter], settings: TrainingSettings) -> torch.optim.Adam:
    """Adam over the parameters by name, in this order: all but p, then p."""
    others = [parameter for name, parameter in trained.items() if name != P]
    groups = [
        {"params": others, "weight_decay": settings.weight_decay},
        {"params": [trained[P]], "weight_decay": 0.0},
    ]
    return torch.optim.Adam(groups, lr=settings.rate, betas=(settings.momentum, BETA_2))


def set_rate(optimizer: torch.optim.Adam, settings: TrainingSettings, epoch: int) -> None:
    """Set the learning rate of an epoch: exponential decay."""
    rate = settings.rate * math.exp(-settings.decay * epoch)
    others, p = optimizer.param_groups
    others["lr"], p["lr"] = rate, rate * settings.p_rate


def optimizer_state(optimizer: torch.optim.Adam, trained: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """Moments and steps of each parameter by name; empty before the first step."""
    return {
        f"{name}/{key}": value
        for name, parameter in trained.items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(
    optimizer: torch.optim.Adam, trained: Mapping[str, nn.Parameter], state: Mapping[str, Tensor]
) -> None:
    """Put back what `optimizer_state` gave."""
    for name, parameter in trained.items():
        if f"{name}/step" in state:
            moments = {key: _like(parameter, state[f"{name}/{key}"]) for key in ("exp_avg", "exp_avg_sq")}
            optimizer.state[parameter] = {"step": state[f"{name}/step"], **moments}


def _like(parameter: nn.Parameter, value: Tensor) -> Tensor:
    """The value on the device, and in the order in memory, of its parameter."""
    return torch.empty_like(parameter, requires_grad=False).copy_(value)
