"""Showing a run on a terminal while it goes on: its tree, drawn by a thread beside the engine.

The engine's side only notes what happened. The thread sleeps until the run is worth looking at,
so a short run loads nothing for drawing, and is told in lines at its end.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from zenml.logs.output import say, terminal, unrouted
from zenml.records.ids import microseconds_now, short
from zenml.records.run import StepRun
from zenml.reporting import screen
from zenml.reporting.reporter import PlainReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.text import Text

    from zenml.records.events import Progress
    from zenml.records.plan import Invocation, Plan
    from zenml.records.run import Run
    from zenml.reporting.live_region import LiveRegion
    from zenml.reporting.run_picture import Scene
    from zenml.store.store import Store

DELAY = 0.2
"""Seconds a step may run before its run is drawn."""
INTERVAL = 0.1
"""Seconds between two drawings, at least."""
REST = 20
"""After a drawing the thread rests so many times as long as it took, to leave the processor to the steps."""
PATIENCE = 2.0
"""Seconds that the end of a run waits for the last drawing, should the terminal be stuck."""


class LiveReporter:
    """Draws the first of the runs that are active at once; the others are told in lines above it.

    A child is no other run: its steps are counted in its row, and it is silent itself.

    Args:
        store: where a failure is looked up.
        at_once: draw from the beginning, and also a run that is over: somebody came to see it.
    """

    _screen = threading.Lock()
    """Held by the reporter that may draw."""
    _drawer: LiveReporter | None = None
    """The reporter that holds it."""

    def __init__(self, store: Store, *, at_once: bool = False) -> None:
        self._store = store
        self._at_once = at_once
        self._plain = PlainReporter()
        self._run: Run | None = None
        self._plan: Plan | None = None
        self._has_screen = False
        self._events: deque[StepRun | Invocation | str] = deque()
        self._waiting: Mapping[str, int] = {}
        self._progress: dict[str, Progress] = {}
        self._children: dict[str, Mapping[str, int]] = {}
        """By id of the run of a child: how many of its steps are in which state."""
        self._counted_by: LiveReporter | None = None
        """For a child: who draws the row in which its steps are counted."""
        self._states: dict[str, str] = {}
        """For such a child: the states of its steps."""
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._turn = threading.Lock()
        """Held to decide, once, whether the run is drawn or told in lines."""
        self._is_drawn = False

    def run_started(self, run: Run, plan: Plan) -> None:
        """Take the terminal, if it is free."""
        self._run, self._plan = run, plan
        self._has_screen = self._screen.acquire(blocking=False)
        if self._has_screen:
            LiveReporter._drawer = self
        elif run.parent_id is not None:
            self._counted_by = LiveReporter._drawer
        if not self._has_screen and self._counted_by is None:
            self._plain.run_started(run, plan)
        elif self._has_screen and self._at_once:
            made = self._region_and_scene()
            if made is not None:
                self._is_drawn = True
                self._start(lambda: self._draw(*made))

    def step_added(self, invocation: Invocation) -> None:
        """Note that a step was called."""
        if self._has_screen:
            self._events.append(invocation)

    def waiting(self, counts: Mapping[str, int]) -> None:
        """Note how many calls wait."""
        self._waiting = counts

    def children(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Note how the steps of children stand."""
        self._children = dict(counts)

    def step(self, step: StepRun) -> None:
        """Note what became of a step; the first one that takes time wakes the drawing."""
        if self._counted_by is not None:
            self._count(step, self._counted_by)
            return
        if not self._has_screen:
            self._plain.step(step)
            return
        self._events.append(step)
        if step.status != "running":
            self._progress.pop(step.id, None)
        if self._thread is None and step.status == "running":
            self._start(self._draw_if_it_takes_long)

    def progress(self, step_run_id: str, progress: Progress) -> None:
        """Note how far a step is; only the last word counts."""
        if self._has_screen:
            self._progress[step_run_id] = progress
        elif self._counted_by is None:
            self._plain.progress(step_run_id, progress)

    def note(self, text: str) -> None:
        """Note something else."""
        if self._has_screen:
            self._events.append(text)
        else:
            self._plain.note(text)

    def run_ended(self, run: Run) -> None:
        """Show how the run ended, and if it failed, how to repair it."""
        self._run = run
        self.close()
        if self._counted_by is not None:
            return  # whoever called it tells what became of it
        if not self._is_drawn:
            self._tell(run)
        if run.status == "paused" and self._is_drawn and not self._at_once:
            say(f"Answer it: zenml run answer {short(run.id)}\n")  # the question stands above the tree
        elif run.status not in ("completed", "paused"):
            self._show_panel(run)

    def close(self) -> None:
        """Give the terminal back, whatever happened."""
        with self._turn:
            self._ended.set()
        if self._is_drawn and self._thread is not None:
            self._thread.join(PATIENCE)
        if self._has_screen:
            self._has_screen = False
            LiveReporter._drawer = None
            self._screen.release()

    def _count(self, step: StepRun, drawer: LiveReporter) -> None:
        """Have whoever draws the row of this child count what became of one of its steps."""
        counts = dict(drawer._children.get(step.run_id, ()))
        before = self._states.get(step.invocation_id)
        if before is not None:
            counts[before] -= 1
        self._states[step.invocation_id] = step.status
        counts[step.status] = counts.get(step.status, 0) + 1
        drawer._children[step.run_id] = counts  # never changed later: another thread draws it

    def _tell(self, run: Run) -> None:
        for event in self._events:
            if isinstance(event, str):
                self._plain.note(event)
            elif isinstance(event, StepRun):
                self._plain.step(event)
        self._plain.run_ended(run)

    def _show_panel(self, run: Run) -> None:
        from zenml.views.failure_panel import failure_panel
        from zenml.views.run_view import RunView

        try:
            panel = failure_panel(RunView(run, self._store))
            if not self._is_drawn:
                panel += f"\nThe whole run: zenml run show {short(run.id)}"
            first, *rest = panel.split("\n")
            say("\n" + "\n".join([screen.red(_wrapped(first)), *map(_wrapped, rest)]) + "\n")
        except Exception as error:  # a run does not fail because its story cannot be told
            self._plain.note(f"The failure cannot be shown: {type(error).__name__}: {error}")

    # The thread

    def _start(self, target: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=target, name="zenml-live", daemon=True)
        self._thread.start()

    def _draw_if_it_takes_long(self) -> None:
        if self._ended.wait(DELAY):
            return
        made = self._region_and_scene()
        if made is None:
            return
        with self._turn:
            if self._ended.is_set():
                return  # it ended while the drawing was loaded
            self._is_drawn = True
        self._draw(*made)

    def _region_and_scene(self) -> tuple[LiveRegion, Scene] | None:
        """Load what draws, and make it; None if that cannot be."""
        try:
            from zenml.reporting.live_region import LiveRegion
            from zenml.reporting.run_picture import Scene

            region = LiveRegion(terminal(), unrouted(sys.stdout), has_colours=screen.has_colours())
            if self._run is None or self._plan is None:
                return None
            return region, Scene(self._run, self._plan)
        except Exception as error:  # without a drawing there are lines
            self._events.append(f"The run is not drawn: {type(error).__name__}: {error}")
            return None

    def _draw(self, region: LiveRegion, scene: Scene) -> None:
        try:
            region.open()
            while not self._ended.is_set():
                begin = time.monotonic()
                region.draw(self._picture(region, scene))
                self._ended.wait(max(INTERVAL, REST * (time.monotonic() - begin)))
            region.close(self._picture(region, scene))
        except Exception as error:  # the terminal is gone, or cannot show this; the run goes on
            self._give_up(region, error)

    def _picture(self, region: LiveRegion, scene: Scene) -> Text:
        from zenml.reporting.drawing import draw

        while self._events:
            event = self._events.popleft()
            if isinstance(event, str):
                region.write(event + "\n", is_error=True)
            elif isinstance(event, StepRun):
                scene.step(event)
            else:
                scene.add(event)
        scene.run = self._run or scene.run
        scene.progress = self._progress.copy()
        scene.waiting = self._waiting
        scene.children = self._children.copy()
        columns, lines = region.size()
        return draw(scene.picture(microseconds_now()), columns, lines - 1)

    def _give_up(self, region: LiveRegion, error: Exception) -> None:
        self._is_drawn = False  # the end of the run is told in lines
        self._events.append(f"The run is no longer drawn: {type(error).__name__}: {error}")
        try:
            region.close()
        except Exception:  # nothing can be written any more
            return


def _wrapped(line: str) -> str:
    """Break a sentence at the width of the terminal; what is indented is code or output, and stays as it is."""
    import shutil
    import textwrap

    if line.startswith(" "):
        return line
    return textwrap.fill(line, shutil.get_terminal_size().columns - 1, break_on_hyphens=False)
