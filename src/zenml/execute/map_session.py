"""The maps of one run: what they ask of the engine, and what the engine asks of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, get_args

from zenml.compile.handles import MapHandle, OutputHandle
from zenml.compile.trace import read_after
from zenml.config.preview import preview
from zenml.config.unmapped import unmapped
from zenml.errors import ArgumentError
from zenml.execute.events import Added, Cancelled
from zenml.execute.futures import StepRunFuture
from zenml.execute.map_elements import Product, Zipped
from zenml.execute.map_feeding import ElementCall, Feeder, window
from zenml.execute.map_future import MapFuture, OnError
from zenml.execute.map_output import MapOutput
from zenml.execute.map_sources import source_of
from zenml.records import values
from zenml.records.plan import Value
from zenml.records.run import StepRun

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from zenml.compile.dynamic_calls import CompiledCall, DynamicCalls
    from zenml.compile.trace import MapName
    from zenml.context.session import MapOptions
    from zenml.execute.dynamic_session import DynamicSession
    from zenml.execute.engine import Engine
    from zenml.execute.learning import Learning
    from zenml.execute.standstill import Standstill


class MapSession:
    """The maps of one run."""

    def __init__(
        self,
        session: DynamicSession,
        engine: Engine,
        calls: DynamicCalls,
        learning: Learning,
        futures: dict[str, StepRunFuture[Any]],
    ) -> None:
        self._session = session
        self._engine = engine
        self._calls = calls
        self._learning = learning
        self._futures = futures
        """By invocation id: what has not ended yet; the session's."""
        self._feeders: list[Feeder] = []
        """Of the maps that go on."""

    # What the function asks

    def start(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], options: MapOptions, places: int
    ) -> MapFuture[Any]:
        """Start a map; its first elements are compiled right here, so what is wrong with them is raised here."""
        what = f"{step.name}.{'product' if options.is_product else 'map'}(…)"
        _check_options(options, what)
        given = step.signature.bind(args, kwargs, what=f"`{what}`")
        whole = {name: value.value for name, value in given.items() if isinstance(value, unmapped)}
        names = [name for name in given if name not in whole]
        if not names:
            raise ArgumentError(
                f"`{what}` has no argument to go through. Give it a list, or call the step: `{step.name}(…)`."
            )
        looks: list[Callable[[], None]] = []

        def wake() -> None:
            for look in looks:
                look()

        sources = {name: source_of(given[name], f"`{name}` of `{what}`", wake) for name in names}
        elements = (Product if options.is_product else Zipped)(sources, what)
        elements.check()
        after = tuple(dict.fromkeys((*read_after(options.after, what), *elements.producers())))
        name = self._calls.name_map(step, options.invocation_id)
        outputs = [OutputHandle(name.name, output.name, output.annotation) for output in step.outputs]
        future = MapFuture[Any](name.name, outputs, names, options.on_error, self)
        call = ElementCall(self, step, name, whole, after)
        feeder = Feeder(
            self, future, elements, call, window(options.max_concurrency, places, is_lazy=elements.is_lazy)
        )
        looks.append(feeder.wake)
        try:
            self._begin(feeder, is_lazy=elements.is_lazy)
        except BaseException:
            elements.close()
            self._calls.forget_map(step, name)
            raise
        return future

    def _begin(self, feeder: Feeder, *, is_lazy: bool) -> None:
        if is_lazy:
            feeder.wake()
        else:
            feeder.feed(is_first=True)
        if feeder.future.is_fed:
            return
        self._feeders = [one for one in self._feeders if not one.future.is_fed]
        self._feeders.append(feeder)
        if not self._engine.feeds_in_caller:
            name = f"zenml-map-{feeder.future.invocation_id}"
            threading.Thread(target=feeder.work, name=name, daemon=True).start()

    def passed_on(self, *given: Any) -> None:
        """Wait until it is known which elements there are of the maps that are passed to a step."""
        for value in given:
            for one in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(one, MapHandle):
                    found = one.map if isinstance(one, MapOutput) else one
                    if isinstance(found, MapFuture):
                        _wait_for_elements(found)

    @property
    def are_fed(self) -> bool:
        """Whether all elements of all maps are started."""
        return all(feeder.future.is_fed for feeder in self._feeders)

    def are_idle(self, waiting: Container[int]) -> bool:
        """Tell whether no map is at work adding elements: each has all of them, or waits for room or for its items.

        Args:
            waiting: the threads that wait for something; a generator may be among those who do.
        """
        return all(feeder.is_idle or feeder.is_held_up_in(waiting) for feeder in self._feeders)

    @property
    def standstill(self) -> Standstill:
        """Where the function waits for what children ask people."""
        return self._session.standstill

    def stop(self) -> None:
        """Start no more elements."""
        for feeder in self._feeders:
            feeder.stop()

    @property
    def is_wanted(self) -> bool:
        """Whether a map has to be looked at by the caller's thread."""
        return any(feeder.is_wanted for feeder in self._feeders)

    def feed(self) -> None:
        """Do what the threads of the maps do elsewhere."""
        for feeder in list(self._feeders):
            if feeder.is_wanted:
                feeder.feed()

    # What maps ask

    @property
    def is_stopping(self) -> bool:
        """Whether the run starts no more steps."""
        engine = self._engine
        return engine.machine.is_stopping or engine.fatal is not None or engine.run.status != "running"

    @property
    def works_in_caller(self) -> bool:
        """Whether steps run in the caller's thread only, which has to wait for them then."""
        return self._session.works_in_caller

    @property
    def run_name(self) -> str:
        """What the run is called."""
        return self._engine.run.name

    def wait_until(self, is_so: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until something is so; return False if the time was up before."""
        return self._session.wait_until(is_so, timeout)

    def stir(self) -> None:
        """Have those look again who wait."""
        self._engine.wake()

    def handle(self, one: MapHandle | StepRunFuture[Any]) -> None:
        """Note that the failure of an element, or of a map, is not the run's."""
        self._engine.machine.handle(one.invocation_id)

    def take_causes(self, element: StepRunFuture[Any]) -> list[BaseException]:
        """Return what a settled element failed with; from then on it is the function's, and not the run's."""
        return self._session.take_causes(element)

    def tell(self, function: Callable[[Any], Any], ended: MapFuture[Any]) -> None:
        """Have a user's function hear that a map has ended."""
        self._session.tell(function, ended)

    def fail_map(self, name: str, problem: BaseException) -> None:
        """Take that a map could not go on; unless somebody takes it, the run fails with it."""
        self._engine.fail(name, problem)

    def cancel_all(self, elements: Sequence[StepRunFuture[Any]]) -> None:
        """Have elements not run; return when it is recorded."""
        self._session.cancel_all(elements)

    def ask_to_cancel(self, elements: Sequence[StepRunFuture[Any]]) -> None:
        """Have elements not run; said with the baton, and done in the next turn."""
        self._session.note_cancelled(elements)
        self._engine.put(*(Cancelled(one.invocation_id) for one in elements))

    def compile_element(
        self,
        step: Any,
        name: MapName,
        identifier: str,
        arguments: dict[str, Any],
        mapped: Iterable[str],
        after: tuple[str, ...],
    ) -> CompiledCall:
        """Compile one element."""

        def admit(call: CompiledCall) -> CompiledCall:
            self._learning.learn(call.invocation.definition)
            return call

        return self._calls.add_element(step, name, identifier, arguments, mapped, after, admit=admit)

    def forget(self, calls: Iterable[CompiledCall]) -> None:
        """Take back elements that were not started."""
        self._calls.forget(calls)

    def register(
        self, calls: Sequence[CompiledCall], on_end: Callable[[StepRunFuture[Any]], None]
    ) -> list[StepRunFuture[Any]]:
        """Return the futures of elements; `on_end` is called when one has ended."""
        found = []
        for call in calls:
            outputs = [(output.name, output.annotation) for output in call.step.outputs]
            future = StepRunFuture[Any](call.invocation.id, outputs, self._session)
            future.on_end = on_end
            self._futures[call.invocation.id] = future
            found.append(future)
        return found

    def put(self, calls: Iterable[CompiledCall], *, is_first: bool) -> None:
        """Give elements to the engine, which takes them in its next turn."""
        self._engine.put(*(Added(one.invocation, one.is_refreshed, is_first) for one in calls))

    def go_on(self) -> None:
        """Have the engine take what was given to it."""
        self._session.go_on()

    def preview_of(self, element: StepRunFuture[Any], names: Iterable[str]) -> str:
        """Return what an element was called with, for people: `rate=0.5, part=output of `split[1]``."""
        inputs = self._engine.machine.nodes[element.invocation_id].invocation.inputs
        return ", ".join(f"{name}={_shown(inputs.get(name))}" for name in names)

    def log_of(self, element: StepRunFuture[Any]) -> str | None:
        """Return where the log of an element's last attempt is."""
        found = self._engine.store.select(
            StepRun, run_id=self._engine.run.id, invocation_id=element.invocation_id
        )
        return found[-1].log if found else None


def _wait_for_elements(found: MapFuture[Any]) -> None:
    """Wait until all elements are started; where failures are collected, until it is known which failed."""
    if found.on_error == "collect":
        found.wait()
    else:
        found.wait_fed()
    if found.problem is not None:
        found.take_problem()
        raise found.problem


def _shown(binding: Any) -> str:
    if isinstance(binding, Value):
        return preview(values.decode(bytes(binding.data), allow_types=True))
    step = getattr(binding, "step", None)
    return "an artifact" if step is None else f"output `{binding.name}` of step `{step}`"


def _check_options(options: MapOptions, what: str) -> None:
    limit = options.max_concurrency
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise ArgumentError(
            f"`max_concurrency` of `{what}` is {preview(limit)}. Give it how many elements run at once, 1 or more."
        )
    if options.on_error not in get_args(OnError):
        ways = ", ".join(f"`{one}`" for one in get_args(OnError))
        raise ArgumentError(f"`on_error` of `{what}` is {preview(options.on_error)}. It can be: {ways}.")
