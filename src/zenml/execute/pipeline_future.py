"""What the function of a dynamic pipeline holds of a pipeline that it called as a run of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.errors import DeclarationError
from zenml.execute.futures import OutputFuture, StepRunFuture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.execute.dynamic_session import DynamicSession
    from zenml.views.run_view import RunView


class PipelineFuture(StepRunFuture[Any]):
    """A pipeline that was submitted. It has what the future of a step has, and the run.

    What it returns is known when it has ended, or before by its annotation. Passed on before that without
    an annotation, it stands for one output.
    """

    __slots__ = ("is_declared",)

    def __init__(self, invocation_id: str, names: tuple[str, ...] | None, session: DynamicSession) -> None:
        found = ("output",) if names is None else names
        super().__init__(invocation_id, [(name, Any) for name in found], session)
        self.is_declared = names is not None
        """Whether the outputs are known."""

    @property
    def run(self) -> RunView | None:
        """The run, as it is recorded now; None before it has begun."""
        return self.session.child_run(self)

    def settle_outputs(self, names: tuple[str, ...]) -> None:
        """Learn what the pipeline has returned."""
        self.outputs = tuple(OutputFuture(self.invocation_id, name, Any, self) for name in names)
        self.is_declared = True

    def output(self, key: str) -> OutputFuture:
        """Return one output by name; without waiting if it is known by the annotation."""
        self._look()
        found = next((one for one in self.outputs if one.name == key), None)
        if not isinstance(found, OutputFuture):
            names = ", ".join(f"`{one.name}`" for one in self.outputs) or "none"
            raise DeclarationError(
                f"Pipeline `{self.invocation_id}` has no output `{key}`. Its outputs are: {names}."
            )
        return found

    def __getitem__(self, key: int | str) -> Any:  # type: ignore[override]  # as in the future of a step
        """Return one output, by position or name."""
        if isinstance(key, int) and not self.is_declared and key >= 0:
            return OutputFuture(self.invocation_id, f"output_{key}", Any, self)
        return self.output(key) if isinstance(key, str) else self.outputs[key]

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # as in the future of a step
        """Go through the outputs; waits for the end unless they are known by the annotation."""
        self._look()
        return iter(self.outputs)

    def __len__(self) -> int:
        """Return how many outputs there are."""
        self._look()
        return len(self.outputs)

    def _look(self) -> None:
        """Wait until the outputs are known."""
        if not self.is_declared:
            self.raise_failure()

    def __repr__(self) -> str:
        return f"<future of pipeline `{self.invocation_id}`, {self.status or 'waiting'}>"
