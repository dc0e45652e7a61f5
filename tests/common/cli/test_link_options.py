"""Commands and settings whose fields are those of the link: names, values, what is left out."""

from collections.abc import Sequence
from typing import Any

import pytest
import typer
from pydantic import BaseModel, ValidationError
from typer.testing import CliRunner

from dsc_channel.main import app as channel_app
from dsc_common.cli.link_options import with_link_options
from dsc_common.cli.link_settings import with_link_fields
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import LINK_FIELDS, Fading, HeadProtection, LinkChoice
from dsc_common.radio.modes import Mode
from dsc_device.main import app as device_app

NAMES = [
    "--mode",
    "--snr-db",
    "--seed",
    "--fec",
    "--uses",
    "--fading",
    "--rician-k-db",
    "--fading-block-uses",
    "--channel-knowledge",
    "--head-protection",
    "--erasure-rate",
    "--erasure-burst",
    "--latency-ms",
    "--resends",
]


def parsed(*arguments: str) -> tuple[str, LinkChoice]:
    app = typer.Typer()
    seen: list[Any] = []

    @app.command()
    @with_link_options
    def command(name: str, *, link: LinkChoice) -> None:
        """Say nothing."""
        seen.extend([name, link])

    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return seen[0], seen[1]


@pytest.mark.parametrize(
    ("arguments", "choice"),
    [
        ([], LinkChoice()),
        (["--mode", "qam16", "--snr-db", "inf"], LinkChoice(mode=Mode.QAM16, snr_db=float("inf"))),
        (["--snr-db=-5", "--seed", "0"], LinkChoice(snr_db=-5.0, seed=0)),
        (["--fec", "ldpc", "--uses", "700"], LinkChoice(fec=Fec.LDPC, uses=700)),
        (["--no-channel-knowledge"], LinkChoice(channel_knowledge=False)),
        (["--channel-knowledge"], LinkChoice(channel_knowledge=True)),
        (
            ["--fading", "rician", "--rician-k-db", "3", "--fading-block-uses", "10"],
            LinkChoice(fading=Fading.RICIAN, rician_k_db=3.0, fading_block_uses=10),
        ),
        (
            ["--head-protection", "ideal", "--resends", "1"],
            LinkChoice(head_protection=HeadProtection.IDEAL, resends=1),
        ),
        (
            ["--erasure-rate", "0.5", "--erasure-burst", "4", "--latency-ms", "20"],
            LinkChoice(erasure_rate=0.5, erasure_burst=4.0, latency_ms=20.0),
        ),
    ],
)
def test_options_become_a_choice(arguments: Sequence[str], choice: LinkChoice) -> None:
    assert parsed("a name", *arguments) == ("a name", choice)


@pytest.mark.parametrize(("app", "command"), [(device_app, "query"), (channel_app, "serve")])
def test_both_commands_have_every_option_with_its_text(app: typer.Typer, command: str) -> None:
    options = {
        option: parameter
        for parameter in typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
        for option in parameter.opts
    }
    assert [name for name in options if name in NAMES] == NAMES
    for name, field in zip(NAMES, LINK_FIELDS, strict=True):
        assert options[name].help.startswith(f"{field.about.text} (")
        assert options[name].default is None
    assert options["--channel-knowledge"].secondary_opts == ["--no-channel-knowledge"]
    assert options["--channel-knowledge"].help.endswith("(--channel-knowledge)")
    assert options["--latency-ms"].help.endswith("(0 ms)")
    assert options["--mode"].help.endswith("(bpsk)")


def test_a_model_takes_some_fields_of_the_link() -> None:
    @with_link_fields("uses", "fading")
    class Model(BaseModel):
        """Text."""

        name: str

        def twice(self) -> str:
            return 2 * self.name

    model = Model.model_validate({"name": "a", "fading": "rayleigh"})
    assert model.model_dump() == {"name": "a", "fading": Fading.RAYLEIGH, "uses": 0} == vars(model)
    assert (model.twice(), Model.__doc__, Model.__name__) == ("aa", "Text.", "Model")
    with pytest.raises(ValidationError):
        Model.model_validate({"name": "a", "fading": "morse"})


def test_a_model_takes_all_fields_of_the_link() -> None:
    @with_link_fields()
    class Model(BaseModel):
        pass

    assert vars(Model()) == {field.name: field.default for field in LINK_FIELDS}
