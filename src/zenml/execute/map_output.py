"""One output of all elements of a map, where the step has several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from zenml.compile.handles import MapHandle
from zenml.errors import DeclarationError
from zenml.execute import map_results

if TYPE_CHECKING:
    from zenml.execute.map_future import MapFuture


class MapOutput(MapHandle):
    """One output of all elements of a map."""

    __slots__ = ("map", "name")

    def __init__(self, found: MapFuture[Any], name: str) -> None:
        super().__init__(found.invocation_id)
        self.map = found
        self.name = name

    def bound(self) -> Any:
        """Return what a step gets that takes it: this output of all elements."""
        found = map_results.given_on(self.map)
        return map_results.arranged(self.map, [one.output(self.name) for one in found])

    def element_ids(self) -> list[str]:
        """Return the invocation ids of all elements."""
        return self.map.element_ids()

    def result(self, timeout: float | None = None) -> Any:
        """Wait for all elements and return this output's artifacts; raise as `MapFuture.result` does."""
        return map_results.gather(self.map, timeout, lambda one: one.output(self.name).result())

    def load(self, timeout: float | None = None) -> Any:
        """Wait for all elements and return this output's values; raise as `MapFuture.result` does."""
        return map_results.gather(self.map, timeout, lambda one: one.output(self.name).load())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all elements have ended; return False if the time was up before."""
        return self.map.wait(timeout)

    def futures(self) -> list[Any]:
        """Return this output of each element; waits until the last one was started."""
        return [one.output(self.name) for one in self.map.futures()]

    def _refuse(self, what: str) -> NoReturn:
        raise DeclarationError(
            f"{what} output `{self.name}` of map `{self.invocation_id}`. Write `.load()` to wait for the values, or pass it "
            "on to a step."
        )

    def __repr__(self) -> str:
        return f"<output `{self.name}` of {self.map!r}>"
