"""Writes the self-contained report: queries, packets and ranked images side by side, in one HTML file."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from dsc_demo.answers import Result, Round, Trial, snr_name
from dsc_demo.gallery import Gallery
from dsc_demo.run import TOP
from dsc_demo.thumbnails import Thumbnails
from dsc_demo.views import DIFFICULTIES

_HEAD_BYTES = 7
_QUERY_PX = 160
_RANKED_PX = 112
_GOOD = 0.9
_FAIR = 0.5


def write_report(path: Path, gallery: Gallery, rounds: Sequence[Round]) -> None:
    """Write the report of several rounds of the same queries; the file needs nothing beside it."""
    page = report_html(gallery, rounds)
    path.write_text(page, encoding="utf-8", errors="xmlcharrefreplace")


def report_html(gallery: Gallery, rounds: Sequence[Round]) -> str:
    """Return the report as one HTML document, with every text escaped and every image inside."""
    thumbnails = Thumbnails()
    body = "\n".join(
        [
            _introduction(gallery, rounds),
            _channel_table(rounds),
            _selectors(rounds),
            *_cards(gallery, rounds, thumbnails),
            "<footer>Written by dsc-demo. The thumbnails are for you; only the packets were sent.</footer>",
        ]
    )
    style = "\n".join([_style_sheet(), _selector_rules(rounds), thumbnails.css()])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Image retrieval in {_packet_bytes(rounds)} bytes</title>\n"
        f"<style>{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _style_sheet() -> str:
    return files("dsc_demo").joinpath("report.css").read_text(encoding="utf-8")


def _packet_bytes(rounds: Sequence[Round]) -> int:
    return rounds[0].trials[0].answer.packet_bytes


def _introduction(gallery: Gallery, rounds: Sequence[Round]) -> str:
    trials = rounds[0].trials
    size = _packet_bytes(rounds)
    mean_bytes = sum(trial.photo_bytes for trial in trials) / len(trials)
    return (
        f"<h1>Which photos show what I see? Asked in {size} bytes</h1>\n"
        f'<p class="lead">{len(trials)} held-out views of {len(gallery.scenes)} scenes, on average '
        f"{mean_bytes / 1000:.0f} kB large, were asked of a database of {gallery.photos} photos. "
        f"No photo was sent: the device sent {size} bytes for each, over a noisy channel "
        f"({_link_words(trials[0])}), and the server ranked its photos by what arrived. "
        "Each image has its rank and its score below it; right answers are framed green.</p>"
    )


def _link_words(trial: Trial) -> str:
    link = trial.answer.link
    return f"{escape(link.mode.upper())}, {link.channel_uses} channel uses, energy {link.energy:g}"


def _channel_table(rounds: Sequence[Round]) -> str:
    titles = (
        "SNR",
        "bit error rate",
        "heads right",
        "right at rank 1",
        f"right in the top {TOP}",
        "median time",
    )
    rows = [
        f"<tr><td>{snr_name(each.snr_db)}</td><td>{each.bit_error_rate:.2g}</td>{_share(each.heads_right)}"
        f"{_share(each.right_within(1))}{_share(each.right_within(TOP))}<td>{each.median_ms:.0f} ms</td></tr>"
        for each in rounds
    ]
    header = "".join(f'<th scope="col">{title}</th>' for title in titles)
    return f'<div class="scroll"><table><tr>{header}</tr>{"".join(rows)}</table></div>'


def _share(share: float) -> str:
    kind = "good" if share >= _GOOD else "fair" if share >= _FAIR else "bad"
    return f'<td class="{kind}">{share:.0%}</td>'


def _selectors(rounds: Sequence[Round]) -> str:
    snrs = [(f"{i}", snr_name(each.snr_db)) for i, each in enumerate(rounds)]
    views = [("all", "all"), *((name, name) for name in DIFFICULTIES)]
    return f'<div class="bar">{_radio("snr", "SNR", snrs)}{_radio("view", "Views", views)}</div>'


def _radio(group: str, legend: str, choices: Iterable[tuple[str, str]]) -> str:
    buttons = [
        f'<input type="radio" name="{group}" id="pick-{group}-{name}"{" checked" if i == 0 else ""}>'
        f'<label for="pick-{group}-{name}">{text}</label>'
        for i, (name, text) in enumerate(choices)
    ]
    return f'<fieldset aria-label="{legend}"><span>{legend}</span>{"".join(buttons)}</fieldset>'


def _selector_rules(rounds: Sequence[Round]) -> str:
    """Return rules that hide what is not chosen; a browser that lacks `:has` shows everything."""
    snrs = [f"body:not(:has(#pick-snr-{i}:checked)) .snr-{i}" for i in range(len(rounds))]
    chosen = "body:not(:has(#pick-view-{0}:checked, #pick-view-all:checked)) .view-{0}"
    views = [chosen.format(name) for name in DIFFICULTIES]
    return "\n".join(f"{hidden} {{ display: none; }}" for hidden in [*snrs, *views])


def _cards(gallery: Gallery, rounds: Sequence[Round], thumbnails: Thumbnails) -> Iterable[str]:
    for same_query in zip(*(each.trials for each in rounds), strict=True):
        trial = same_query[0]
        links = "".join(
            f'<div class="snr-{i}">{_link(gallery, rounds[i].snr_db, each, thumbnails)}</div>'
            for i, each in enumerate(same_query)
        )
        yield (
            f'<article class="view-{trial.query.difficulty}">{_asked(trial, thumbnails)}{_packet(trial)}'
            f'<div class="link">{links}</div></article>'
        )


def _asked(trial: Trial, thumbnails: Thumbnails) -> str:
    scene, difficulty = escape(trial.query.scene), escape(trial.query.difficulty)
    size = trial.answer.packet_bytes
    return (
        f"<div>{_photo(trial.query.path, _QUERY_PX, 'asked', f'query: {scene}', thumbnails)}<h2>{scene}</h2>"
        f'<p><span class="chip">{difficulty}</span></p>'
        f'<p class="size soft">{trial.photo_bytes / 1000:.1f} kB → {size} B<br>'
        f"{trial.photo_bytes / size:,.0f} times smaller</p></div>"
    )


def _photo(path: Path, longest_side_px: int, kind: str, words: str, thumbnails: Thumbnails) -> str:
    """Return an image element; `words` are escaped already."""
    css_class = thumbnails.css_class(path, longest_side_px)
    return f'<span class="photo {kind} {css_class}" role="img" aria-label="{words}"></span>'


def _packet(trial: Trial) -> str:
    """Return the packet in hex: the head, then the code of each of its labels, or the one code for all."""
    data = bytes.fromhex(trial.answer.packet)
    names = trial.answer.label_names
    rows = [f'<div class="head"><b>head: five labels, check bits</b>{_hex(data[:_HEAD_BYTES])}</div>']
    payload = data[_HEAD_BYTES:]
    if trial.answer.payload == "codes":
        size = len(payload) // max(1, len(names))
        rows += [
            f"<div><b>{escape(name)}</b>{_hex(payload[t * size : (t + 1) * size])}</div>"
            for t, name in enumerate(names)
        ]
    else:
        lines = "<br>".join(_hex(payload[start : start + 8]) for start in range(0, len(payload), 8))
        rows += [f"<div><b>{escape(name)}</b></div>" for name in names]
        rows.append(f"<div><b>the feature's code</b>{lines}</div>")
    return f'<div class="packet">{"".join(rows)}</div>'


def _hex(data: bytes) -> str:
    return f"<code>{data.hex(' ')}</code>"


def _link(gallery: Gallery, snr_db: float, trial: Trial, thumbnails: Thumbnails) -> str:
    """Return what became of the query over one channel: the state of the packet, and the ranked images."""
    notices = "".join(f'<p class="soft">{escape(notice)}</p>' for notice in trial.answer.notices)
    if not trial.answer.results:
        return f'{_state(snr_db, trial)}{notices}<p class="none">No image came back.</p>'
    items = "".join(_ranked(gallery, trial, result, thumbnails) for result in trial.answer.results)
    return f'{_state(snr_db, trial)}{notices}<ol class="ranked">{items}</ol>'


def _state(snr_db: float, trial: Trial) -> str:
    link = trial.answer.link
    head = '<span class="good">head right</span>' if link.head_ok else '<span class="bad">head wrong</span>'
    bits = f"{link.bit_errors} of {8 * trial.answer.packet_bytes} bits wrong"
    return f"<p><b>{snr_name(snr_db)}</b> · {bits} · {head} · {_first_right(trial)}</p>"


def _first_right(trial: Trial) -> str:
    if trial.first_right is None:
        return '<span class="bad">no right image</span>'
    kind = "good" if trial.first_right == 1 else "fair"
    return f'<span class="{kind}">first right image at rank {trial.first_right}</span>'


def _ranked(gallery: Gallery, trial: Trial, result: Result, thumbnails: Thumbnails) -> str:
    right = gallery.is_right(trial.query, result.image_id)
    name = escape(result.image_id.rpartition("/")[2])
    words = f"{name}, {'right' if right else 'wrong'}"
    photo = _photo(gallery.path_of(result.image_id), _RANKED_PX, "", words, thumbnails)
    return (
        f'<li class="{"right" if right else "wrong"}" title="{escape(result.image_id)}">{photo}'
        f'<b>{result.rank}</b> · {result.score:.3f}<span class="id">{name}</span></li>'
    )
