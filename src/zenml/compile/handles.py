"""What a step call returns in a pipeline: a stand-in for the call, or for an output that may not exist yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from zenml.errors import DeclarationError
from zenml.records.plan import OutputRef

if TYPE_CHECKING:
    from zenml.records.run import Artifact

_REMEDY = (
    "Pass it on to another step, write a step that does this with the value, or make the pipeline "
    "`@pipeline(dynamic=True)`, where `.load()` gives it."
)


class StepHandle:
    """A call of a step without outputs; good for `after=`."""

    __slots__ = ("invocation_id",)

    owner: Any = None
    """The dynamic run that it belongs to; None if it is only put together."""

    def __init__(self, invocation_id: str) -> None:
        self.invocation_id = invocation_id

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse to be pickled or copied: it means something in its run only."""
        self._refuse("A pickle or a copy was asked of")

    def __repr__(self) -> str:
        return f"<call of step `{self.invocation_id}`>"

    def _refuse(self, what: str) -> NoReturn:
        raise DeclarationError(
            f"{what} the call of step `{self.invocation_id}`, which has no outputs. To run another step after "
            "it, write `after=`; to have an output, return a value and annotate its type."
        )

    def __bool__(self) -> bool:  # noqa: PLE0304  it always raises
        """Refuse: an `if` on a value that does not exist yet would always take the same branch."""
        self._refuse("An `if`, `and`, `or`, `not` or `while` asked for the truth of")

    def __iter__(self) -> NoReturn:
        """Refuse to iterate, or to unpack a single output."""
        self._refuse("A loop or an unpacking asked for the items of")

    def __len__(self) -> int:  # noqa: PLE0303  it always raises
        """Refuse to tell a length."""
        self._refuse("`len()` was asked of")

    def __getitem__(self, key: object) -> NoReturn:
        """Refuse to index."""
        self._refuse(f"Item {key!r} was asked of")

    def __setitem__(self, key: object, value: object) -> NoReturn:
        """Refuse to change an item."""
        self._refuse(f"Item {key!r} was set of")

    def __call__(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Refuse to be called: the step was called already."""
        self._refuse("A call was made of")

    def __format__(self, spec: str) -> NoReturn:
        """Refuse to become part of a text, which would hold no value."""
        self._refuse("An f-string or `format` asked for the text of")

    def __int__(self) -> NoReturn:
        """Refuse to be a number."""
        self._refuse("`int()` was asked of")

    def __index__(self) -> NoReturn:  # noqa: PLE0305  it always raises
        """Refuse to count, as in `range(output)`."""
        self._refuse("A whole number (`int`) was asked of")

    def __float__(self) -> NoReturn:
        """Refuse to be a number."""
        self._refuse("`float()` was asked of")

    def __eq__(self, other: object) -> bool:
        """Refuse to compare with a value; two calls are the same only if they are one."""
        if not isinstance(other, StepHandle):
            self._refuse("A comparison asked for the value of")
        return self is other

    __hash__ = object.__hash__

    def _refuse_operator(self, *_others: object) -> NoReturn:
        self._refuse("An operator was applied to")

    __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __abs__ = __invert__ = _refuse_operator
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __pow__ = __rpow__ = _refuse_operator
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _refuse_operator
    __divmod__ = __rdivmod__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __matmul__ = (
        __rmatmul__
    ) = _refuse_operator

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse attributes of the value; protocol look-ups (`__x__`) are answered as absent."""
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse(f"Attribute or method `.{name}` was asked of")


class OutputHandle(StepHandle):
    """One output of a step call; good as an argument of other steps and for `after=`."""

    __slots__ = ("annotation", "name")

    def __init__(self, invocation_id: str, name: str, annotation: Any) -> None:
        super().__init__(invocation_id)
        self.name = name
        self.annotation = annotation

    @property
    def ref(self) -> OutputRef:
        """The output as a plan refers to it."""
        return OutputRef(self.invocation_id, self.name)

    def __repr__(self) -> str:
        return f"<output `{self.name}` of step `{self.invocation_id}`, not computed yet>"

    def _refuse(self, what: str) -> NoReturn:
        raise DeclarationError(
            f"{what} output `{self.name}` of step `{self.invocation_id}` while the pipeline is put together: "
            f"its value does not exist yet. {_REMEDY}"
        )


class CallHandle(StepHandle):
    """A call with its outputs; passed on, it stands for its one output, or for all of them as a tuple."""

    __slots__ = ("outputs",)

    def __init__(self, invocation_id: str, outputs: tuple[OutputHandle, ...]) -> None:
        super().__init__(invocation_id)
        self.outputs = outputs


class MapHandle(StepHandle):
    """The calls of a map; passed on, it stands for their outputs, in a list or dict."""

    __slots__ = ()

    def bound(self) -> Any:
        """Return the outputs that it stands for."""
        raise NotImplementedError

    def element_ids(self) -> list[str]:
        """Return the invocation ids of its calls."""
        raise NotImplementedError


def unfolded(value: Any) -> Any:
    """Return the outputs that a call or a map stands for, and anything else as it is."""
    if isinstance(value, MapHandle):
        return value.bound()
    if isinstance(value, CallHandle) and value.outputs:
        return value.outputs[0] if len(value.outputs) == 1 else value.outputs
    return value


def check_owner(handle: StepHandle, owner: Any, what: str) -> None:
    """Raise for what another run called: its ids mean other calls here."""
    if handle.owner is not None and handle.owner is not owner:
        raise DeclarationError(
            f"{what} is {handle!r} of another pipeline run. Call that step in this pipeline, or load the artifact and "
            "pass its value."
        )


class ArtifactHandle:
    """An artifact that exists already, given as an argument."""

    __slots__ = ("artifact",)

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
