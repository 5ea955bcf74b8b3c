"""`zenml run`: looking at runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import LateGroup, json_option, print_json, print_lines
from zenml.cli.completing import complete_run
from zenml.cli.run_list import list_options, show_runs
from zenml.cli.run_tree import ALL, TreeLines
from zenml.cli.shapes import whole_run_shape
from zenml.cli.style import local_time, painted
from zenml.cli.tables import fitted, shorten, table, terminal_width
from zenml.client.client import Client
from zenml.client.input_changes import shown_value
from zenml.client.step_reference import find_references
from zenml.errors import NotFoundError
from zenml.records.ids import microseconds_now, short
from zenml.records.schedules import Schedule
from zenml.reporting.reporter import count, duration
from zenml.views.asking import asking_text
from zenml.views.failure_panel import failure_panel, hook_failures
from zenml.views.step_states import words

if TYPE_CHECKING:
    from zenml.client.step_reference import StepReference
    from zenml.records.waits import Wait
    from zenml.store.store import Store
    from zenml.views.run_view import RunView


COMMANDS = {
    "watch": ("zenml.cli.watch_command:watch", "Follow a run until it ends."),
    "diff": ("zenml.cli.run_diff_command:diff", "Compare two runs."),
    "wait": ("zenml.cli.run_control_commands:wait", "Wait until a run has ended."),
    "resume": ("zenml.cli.resume_command:resume", "Execute what is missing of a run that did not complete."),
    "replay": ("zenml.cli.replay_command:replay", "Reproduce a run as a new one."),
    "answer": ("zenml.cli.answer_command:answer", "Answer what a paused run asks."),
    "stop": ("zenml.cli.run_control_commands:stop", "Ask a run to stop."),
    "delete": ("zenml.cli.run_control_commands:delete", "Delete ended runs."),
}


@click.group(cls=LateGroup, table=COMMANDS)
def run() -> None:
    """Look at runs, compare them, stop and delete them."""


@run.command("list", example="zenml run list --status completed --size 5")
@list_options
def list_runs(*, as_json: bool, **chosen: Any) -> None:
    """List runs, the newest first: short for `zenml pipeline runs list`."""
    show_runs(chosen, as_json=as_json)


@run.command(example="zenml run show nightly")
@click.argument("run", shell_complete=complete_run)
@click.option(
    "--unfold",
    is_flag=False,
    flag_value=ALL,
    metavar="[MAP]",
    help="List the elements of a map, or the calls of a step, one by one; without a name, of all.",
)
@json_option
def show(run: str, *, unfold: str | None, as_json: bool) -> None:
    """Show what became of RUN and of each of its steps.

    The elements of a map are one line, and so are many calls of one step. Write `--unfold` behind RUN.
    """
    client = Client()
    view = client.get_pipeline_run(run)
    if as_json:
        references = cached_references(view, client.store)
        producers = [step.record.cached_from or step.record.id for step in view.steps.values()]
        print_json(whole_run_shape(view, references, client.store.outputs_of(producers)))
    else:
        print_lines(run_lines(view, client.store, unfold))


def cached_references(run: RunView, store: Store) -> dict[str, StepReference]:
    """Return where the cached steps of a run have their results from."""
    return find_references(store, [step.cached_from for step in run.attempts if step.cached_from])


def run_lines(run: RunView, store: Store, unfold: str | None = None) -> list[str]:
    """Return a run as text: a header, the tree of its steps, and what to do if it failed.

    Raises:
        NotFoundError: there is nothing to unfold under this name.
    """
    width = terminal_width()
    tree = TreeLines(run, store, unfold=unfold, has_strips=width is not None)
    if unfold not in (None, ALL) and not tree.has_unfolded:
        names = ", ".join(f"`{name}`" for name in tree.folded)
        listed = f"There are {names}." if names else "Each of its steps has a line."
        raise NotFoundError(f"Run `{run.name}` has no map or many calls named `{unfold}`. {listed}")
    lines = table((), _header(run, store))
    # A cut cause is whole in the panel below.
    lines += ["", *(fitted(tree.lines(), width) or ["It has no steps."])]
    if tree.folded:
        lines += ["", f"One by one: zenml run show {short(run.id)} --unfold {tree.folded[0]}"]
    panel = failure_panel(run) if run.record.ended_at is not None else ""
    if run.record.status == "paused":
        panel = asking_text(run)
    blocks = ["\n".join(hook_failures(run)), panel]
    return [*lines, *(line for block in blocks if block for line in ("", block))]


def _header(run: RunView, store: Store) -> list[tuple[str, str]]:
    record = run.record
    end = microseconds_now() if record.ended_at is None else record.ended_at
    rows = [
        ("Run", record.name),
        ("Id", f"{short(record.id)} ({record.id})"),
        ("Status", painted(record.status) + (f": {record.reason}" if record.reason else "")),
        ("Pipeline", record.pipeline_name),
        *([] if (parent := run.parent) is None else [("Called by", f"{parent.name} ({short(parent.id)})")]),
        *([] if (first := run.original) is None else [("Replay of", f"{first.name} ({short(first.id)})")]),
        *([] if (by := _schedule_of(run, store)) is None else [("Schedule", by)]),
        ("Started", local_time(record.created_at)),
        ("Duration", duration(record.created_at, end) + (" so far" if record.ended_at is None else "")),
        ("Steps", _counts(run)),
    ]
    for number, one in enumerate(run.replays):
        said = f"{one.name} ({short(one.id)}), {one.record.status}"
        rows.append(("" if number else "Replays", said))
    hooks = Counter(one.status for one in run.hook_runs)
    if hooks:
        rows.append(("Hooks", ", ".join(f"{number} {status}" for status, number in hooks.items())))
    for number, wait in enumerate(run.waits):
        rows.append(("" if number else "Questions", wait_text(wait)))
    if run.tags:
        rows.append(("Tags", ", ".join(run.tags)))
    if (version := run.model_version) is not None:
        rows.append(("Model", f"{version.record.model_name}, version {version.name}"))
    for number, (name, raw) in enumerate(record.parameters.items()):
        rows.append(("" if number else "Parameters", f"{name} = {shown_value(name, msgspec.Raw(raw))}"))
    return rows


def _schedule_of(run: RunView, store: Store) -> str | None:
    """Return the name of the schedule that began a run, None where none did or it was deleted."""
    identifier = run.record.schedule_id
    schedule = None if identifier is None else store.get(Schedule, identifier)
    return None if schedule is None else schedule.name


def wait_text(wait: Wait) -> str:
    """Return what became of a question."""
    if wait.status == "answered":
        said = shorten(msgspec.json.encode(wait.answer).decode(), 60)
        return f"{wait.question} {said}" + (f" (by {wait.answered_by})" if wait.answered_by else "")
    until = f" until {local_time(wait.expires_at)}" if wait.status == "open" and wait.expires_at else ""
    return f"{wait.question} ({wait.status}{until})"


def _counts(run: RunView) -> str:
    """Return how many steps are in each state."""
    counts = run.counts
    listed = ", ".join(words(counts, run_status=run.record.status).values())
    return count(sum(counts.values()), "step") + (f": {listed}" if listed else "")
