"""The tables the demonstration prints: one line per scene, and one line per SNR."""

from collections.abc import Sequence
from statistics import mean, median

from rich import box
from rich.table import Table
from rich.text import Text

from dsc_common.cli.printable import printable
from dsc_demo.answers import Round, Trial, snr_name
from dsc_demo.run import TOP

_GOOD_FRACTION = 0.9
_FAIR_FRACTION = 0.5
_SCENE_WIDTH = 15
_LABELS_WIDTH = 32


def rank_text(first_right: int | None) -> Text:
    """Return the rank of the first right image: green at 1, red (and a dash) where none came back."""
    if first_right is None:
        return Text("–", style="red")
    return Text(str(first_right), style="green" if first_right == 1 else "yellow")


def _table(title: str) -> Table:
    return Table(
        title=title,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def scene_table(rounds: Sequence[Round]) -> Table:
    """Return a table with a line per scene, the ranks of its queries under each SNR beside one another."""
    first = snr_name(rounds[0].snr_db)
    table = _table("Rank of the first right image (perspective · light · occlusion)")
    table.caption = f"–: no right image among the first {TOP}. Labels: what the heads name most at {first}."
    table.add_column("scene", no_wrap=True)
    for title in ("photo", "÷ packet"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("labels in the head")
    for each in rounds:
        table.add_column(snr_name(each.snr_db), no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    for scene in dict.fromkeys(trial.query.scene for trial in rounds[0].trials):
        table.add_row(*_scene_row(scene, rounds))
    return table


def _scene_row(scene: str, rounds: Sequence[Round]) -> list[str | Text]:
    of_scene = [[trial for trial in each.trials if trial.query.scene == scene] for each in rounds]
    clean = of_scene[0]
    photo_bytes = mean(trial.photo_bytes for trial in clean)
    ranks = [Text(" ").join(rank_text(trial.first_right) for trial in trials) for trials in of_scene]
    time_ms = median(trial.answer.time_ms for trials in of_scene for trial in trials)
    ratio = photo_bytes / clean[0].answer.packet_bytes
    return [
        _shortened(scene, _SCENE_WIDTH),
        f"{photo_bytes / 1000:.0f} kB",
        f"{ratio:,.0f}×",
        _shortened(", ".join(common_labels(clean)[:3]), _LABELS_WIDTH),
        *ranks,
        f"{time_ms:.0f}",
    ]


def _shortened(name: str, width: int) -> Text:
    """A name as it is, not as markup."""
    text = printable(name)
    return Text(text if len(text) <= width else f"{text[: width - 1].rstrip(' ,')}…")


def common_labels(trials: Sequence[Trial]) -> list[str]:
    """Return the label names of several heads, a place nearer to a head's front counting for more."""
    votes: dict[str, float] = {}
    for trial in trials:
        for place, name in enumerate(trial.answer.label_names, start=1):
            votes[name] = votes.get(name, 0.0) + 1.0 / place
    return sorted(votes, key=lambda name: -votes[name])


def channel_table(rounds: Sequence[Round]) -> Table:
    """Return a table with a line per SNR: what the channel did, and what was still found."""
    link = rounds[0].trials[0].answer.link
    size = rounds[0].trials[0].answer.packet_bytes
    table = _table(
        f"The channel ({link.mode.upper()}: {size} bytes in {link.channel_uses} uses, energy {link.energy:g})"
    )
    table.caption = "SNR is P/σ² per real channel use."
    for title in (
        "SNR",
        "bit error rate",
        "heads right",
        "right at rank 1",
        "right in the top 10",
        "median ms",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for each in rounds:
        table.add_row(
            snr_name(each.snr_db),
            f"{each.bit_error_rate:.2g}",
            _fraction_text(each.heads_right),
            _fraction_text(each.right_within(1)),
            _fraction_text(each.right_within(TOP)),
            f"{each.median_ms:.0f}",
        )
    return table


def _fraction_text(fraction: float) -> Text:
    return Text(
        f"{fraction:.0%}",
        style="green" if fraction >= _GOOD_FRACTION else "yellow" if fraction >= _FAIR_FRACTION else "red",
    )
