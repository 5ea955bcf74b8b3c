"""A picture of a run as text for a terminal: the tree of its steps between a heading and a summary.

Words are green, red, magenta or plain: of the sixteen standard colours, these can be read on light
and on dark backgrounds. Nothing is dim, and what a colour says, a sign or a word says too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from zenml.reporting.reporter import count, duration, inner_text, reached
from zenml.views.step_states import CELLS, SIGNS, rank, strip, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.records.events import Progress
    from zenml.reporting.run_picture import PictureRow, RunPicture

MARKS = {
    "completed": ("✓", "green"),
    "cached": ("≡", "cyan"),
    "failed": ("✗", "red"),
    "skipped": ("-", "magenta"),
    "stopped": ("■", "magenta"),
    "interrupted": ("!", "magenta"),
    "paused": ("?", "magenta"),
    "retrying": ("↻", "magenta"),
    "waiting": ("·", ""),
}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
TURN = 100_000
"""Microseconds for which a frame of the spinner stands."""
WIDEST_LABEL = 40
NARROWEST_LABEL = 12
BAR = 20
NARROWEST_BAR = 5
TIMES = 7
"""Columns for durations below a minute; longer ones make the column wider."""
_KEPT_FIRST = ("running", "retrying", "failed", "interrupted", "stopped", "waiting", "skipped")
"""Whose rows stay when not all fit; the rest is done, and comes last."""


def draw(picture: RunPicture, width: int, height: int) -> Text:
    """Return a picture as text of at most `height` lines that are narrower than `width`."""
    columns = width - 1
    has_ended = picture.status not in ("running", "stopping")
    kept, left_out = _fitting(picture.rows, max(1, height - 2 - has_ended))
    labels = [f"{row.prefix}{_mark(row, picture.now)[0]} {row.label}" for row in kept]
    widest = max((cell_len(label) for label in labels), default=0)
    widest = max(NARROWEST_LABEL, min(widest, WIDEST_LABEL, columns // 2))
    times = max([TIMES, *(len(_time(row, picture.now)) for row in kept)])
    lines = [_heading(picture, columns)]
    lines += [_line(row, picture.now, (widest, times), columns) for row in kept]
    if left_out:
        lines.append(_cut(Text(f"… {_counted_out(left_out)} more"), columns))
    lines.append(_summary(picture, columns))
    if has_ended and picture.status != "paused":
        lines.append(_cut(Text(f"See: zenml run show {picture.id}"), columns))
    return Text("\n").join(lines[: max(height, 1)])


def _fitting(rows: tuple[PictureRow, ...], room: int) -> tuple[list[PictureRow], dict[str, int]]:
    """Return the rows that fit, in their order, and the states of the steps of those that do not."""
    if len(rows) <= room:
        return list(rows), {}
    rank = {state: number for number, state in enumerate(_KEPT_FIRST)}
    order = sorted(range(len(rows)), key=lambda number: (rank.get(rows[number].status, len(rank)), number))
    chosen = set(order[: max(0, room - 1)])
    left_out: dict[str, int] = {}
    for number, row in enumerate(rows):
        if number not in chosen:
            for state, count in row.counts.items():
                left_out[state] = left_out.get(state, 0) + count
    return [row for number, row in enumerate(rows) if number in chosen], left_out


def _heading(picture: RunPicture, columns: int) -> Text:
    took = duration(picture.started_at, picture.now)
    return _cut(Text.assemble(_run_mark(picture), " ", (f"Run {picture.name}", "bold"), f"  {took}"), columns)


def _run_mark(picture: RunPicture) -> tuple[str, str]:
    if picture.status in ("running", "stopping"):
        return _spinning(picture.now)
    return MARKS.get(picture.status, MARKS["waiting"])


def _time(row: PictureRow, now: int) -> str:
    return duration(row.started_at, row.ended_at or now) if row.started_at is not None else ""


def _line(row: PictureRow, now: int, widths: tuple[int, int], columns: int) -> Text:
    """Return a row as a line; `widths` are those of all labels and of all durations."""
    widest, times = widths
    mark, colour = _mark(row, now)
    line = Text.assemble(row.prefix, (mark, colour), f" {row.label}")
    line = _cut(line, max(widest, cell_len(row.prefix) + NARROWEST_LABEL))
    line.append(" " * (widest - line.cell_len) + "  " + _time(row, now).rjust(times) + "  ")
    line.append_text(_details(row, now, columns - line.cell_len))
    line.rstrip()
    return _cut(line, columns)


def _details(row: PictureRow, now: int, room: int) -> Text:
    """Return what is said of a row behind its name and its time."""
    if row.is_folded:
        said = _many(row, room)
    elif row.status == "running":
        said = _progress(row.progress, room) if row.progress is not None else Text()
        if row.attempt > 1:
            said.append("  " if said else "").append(_attempt(row), style="magenta")
    else:
        word = "" if row.status == "completed" else row.status
        beside = [_attempt(row)] if row.attempt > 1 else []
        if row.status == "retrying" and row.retry_at is not None:
            beside.append(f"in {max(0, -(-(row.retry_at - now) // 1_000_000))} s")
        if beside:
            word = f"{word} ({', '.join(beside)})" if word else beside[0]
        said = Text().append(word, style=_word_colour(row.status) if row.status != "completed" else "")
    if row.note:
        said.append(("  " if row.is_folded else ": " if said else "") + row.note)
    return _cut(said, max(0, room))


def _many(row: PictureRow, room: int) -> Text:
    """Return how many of many calls have ended, and the states that are worth a word."""
    ended = row.total - sum(row.counts.get(state, 0) for state in ("running", "retrying", "waiting"))
    said = Text(f"{ended} of {row.total}")
    if ended < row.total:
        colour = "red" if row.counts.get("failed") else "green"
        said = _with_bar((ended + row.begun) / row.total, ended, row.total, room, colour)
    if row.cells and (ended < row.total or row.counts.get("failed")):
        said = _with_strip(row.cells, ended, row.total, room)
    others = {state: n for state, n in row.counts.items() if state not in ("completed", "waiting")}
    if others and others != row.counts:
        said.append("  ").append_text(_counts(words(others, run_status="running")))
    elif others:
        said.append("  " + " ".join(others))
    return said


def _with_strip(cells: tuple[str, ...], ended: int, total: int, room: int) -> Text:
    """Return where in a map which states are, if there is room, with numbers behind it that do not move."""
    numbers = f"{f'{ended:,}':>{len(f'{total:,}')}} of {total:,}"
    width = min(CELLS, room // 3)
    if width < NARROWEST_BAR:
        return Text(numbers)
    said = Text()
    for state in strip([rank(one) for one in cells], width):
        said.append(SIGNS[state], style=MARKS[state][1] if state in MARKS else "magenta")
    return said.append(f" {numbers}")


def _attempt(row: PictureRow) -> str:
    return f"attempt {row.attempt}" + (f" of {row.max_attempts}" if row.max_attempts else "")


def _progress(progress: Progress, room: int) -> Text:
    if progress.share is not None and progress.total is not None:
        said = _with_bar(progress.share, progress.done, progress.total, room, "green")
    else:
        said = Text(reached(progress))
    words = [progress.description] if progress.description else []
    words += [inner_text(one) for one in progress.inner]
    return said.append(f"  {', '.join(words)}") if words else said


def _with_bar(share: float, done: float, total: float, room: int, colour: str) -> Text:
    """Return a bar, if there is room, with numbers behind it that do not move what follows while they grow."""
    whole = f"{total:,.10g}"
    numbers = f"{f'{done:,.10g}':>{len(whole)}} of {whole}"
    width = min(BAR, room // 4)
    if width < NARROWEST_BAR:
        return Text(numbers)
    full = int(share * width)
    return Text.assemble(("━" * full, colour), "┄" * (width - full), f" {numbers}")


def _summary(picture: RunPicture, columns: int) -> Text:
    counts = words(picture.counts, run_status=picture.status)
    if picture.status in ("running", "stopping"):
        total = sum(picture.counts.values())
        said = Text(f"  {count(total, 'step')}: " if total else "  ")
        return _cut(said.append_text(_counts(counts)), columns)
    verb = "Finished" if picture.status == "completed" else picture.status.capitalize()
    said = Text().append(verb, style=f"bold {_run_mark(picture)[1]}").append(": ")
    said.append_text(_counts(counts))
    return _cut(said.append("."), columns)


def _counts(said: Mapping[str, str]) -> Text:
    """Return what is said of each state, in its colour."""
    parts = [Text(words, style=_word_colour(state)) for state, words in said.items()]
    return Text(", ").join(parts) if parts else Text("no steps")


def _word_colour(state: str) -> str:
    """Return the colour for words about a state: cyan does for a sign, but is hard to read on white."""
    colour = MARKS.get(state, MARKS["waiting"])[1]
    return "" if colour == "cyan" else colour


def _counted_out(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items())


def _mark(row: PictureRow, now: int) -> tuple[str, str]:
    return _spinning(now) if row.status == "running" else MARKS[row.status]


def _spinning(now: int) -> tuple[str, str]:
    return SPINNER[now // TURN % len(SPINNER)], "magenta"


def _cut(text: Text, columns: int) -> Text:
    """Return a text that takes at most so many columns, with `…` where something was left out."""
    text.truncate(columns, overflow="ellipsis")
    return text


def plain_line(text: str, width: int) -> str:
    """Return an unfinished line of output as it can stand between drawn lines."""
    shown = Text.from_ansi(text).plain
    return set_cell_size(shown, min(cell_len(shown), width - 1))
