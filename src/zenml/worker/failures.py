"""Exceptions of steps: as values that can be stored, and as the exceptions that the caller gets."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from zenml.context.masking import mask
from zenml.errors import RunFailedError, StepProcessError
from zenml.materializers import pickling
from zenml.records.ids import short
from zenml.records.run import Failure
from zenml.worker.first_cause import first_cause

if TYPE_CHECKING:
    from types import TracebackType

    from zenml.records.run import Run

_PACKAGE = __name__.partition(".")[0] + "."


def as_step_failure(error: BaseException, step: str) -> BaseException:
    """Turn `sys.exit` inside a step into a failure that says so; leave everything else as it is."""
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else (0 if error.code is None else 1)
        failure = StepProcessError(
            f"Step `{step}` called `sys.exit({error.code!r})`. A step ends by returning; "
            "raise an exception to make it fail.",
            exit_code=code,
        )
        failure.__cause__ = error
        return failure
    return error


def as_hook_failure(error: BaseException, hook: str) -> BaseException:
    """Turn `sys.exit` inside a hook into an error that does not end the program."""
    failure = RunFailedError(f"Hook `{hook}` called `sys.exit({getattr(error, 'code', None)!r})`.")
    failure.__cause__ = error
    return failure


def describe(error: BaseException) -> Failure:
    """Return an exception as a value, with the traceback from the user's code on."""
    trace = user_traceback(error.__traceback__)
    root = first_cause(error)
    return Failure(
        type=class_name(type(error)),
        message=mask(_storable(text_of(error))),
        traceback=mask(_storable("".join(traceback.format_exception(type(error), error, trace)))),
        notes=tuple(mask(_storable(str(note))) for note in getattr(error, "__notes__", ())),
        exit_code=getattr(error, "exit_code", None) if isinstance(error, StepProcessError) else None,
        signal=getattr(error, "signal", None) if isinstance(error, StepProcessError) else None,
        bases=tuple(class_name(base) for base in type(error).__mro__[1:-1]),
        first_cause="" if root is error else mask(_storable(f"{type(root).__name__}: {text_of(root)}")),
    )


def class_name(kind: type) -> str:
    """Return the dotted name under which a class is recorded."""
    return f"{kind.__module__}.{kind.__qualname__}"


def user_traceback(trace: TracebackType | None) -> TracebackType | None:
    """Drop our own frames from a traceback, but for those below the last one that is not ours."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    users = [at for at, one in enumerate(frames) if not _is_ours(one)]
    if not users:
        return frames[0] if frames else None
    # What lies below the last frame of the user stays: it says where in our code it failed.
    kept = [one for at, one in enumerate(frames) if at > users[-1] or not _is_ours(one)]
    if kept == frames[users[0] :]:
        return kept[0]
    rest: TracebackType | None = None
    for one in reversed(kept):  # those of the engine between a pipeline's function and its step are left out
        rest = type(one)(rest, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return rest


def _is_ours(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__", "")).startswith(_PACKAGE)


def pack(error: BaseException) -> bytes | None:
    """Return an exception as bytes for another process; None when it holds what cannot travel.

    Pickle would call the class again with `args`, which doubles a message that `__init__` makes,
    or fails where `__init__` wants other arguments. So class, arguments and attributes travel.
    """
    try:
        # What Python's own `__reduce__` would call the class with: `args`, and the file name of an OSError.
        arguments = _written_in_c(type(error), "__reduce__").__reduce__(error)[1]
        return pickling.dumps((type(error), arguments, vars(error)))
    except Exception:  # an exception may hold anything; then its record has to do
        return None


def unpack(data: bytes | None) -> BaseException | None:
    """Return the exception that `pack` made bytes of, or None."""
    if data is None:
        return None
    try:
        kind, args, attributes = pickling.loads(data)
        error = kind.__new__(kind, *args)
        # The first constructor written in C fills the fields of OSError, ImportError and the like.
        _written_in_c(kind, "__init__").__init__(error, *args)
        vars(error).update(attributes)
    except Exception:  # a user's class may refuse in any way
        return None
    return error if isinstance(error, BaseException) else None


def _written_in_c(kind: type, method: str) -> Any:
    """Return the first class along the bases whose own `method` is not a user's."""
    return next(base for base in kind.__mro__ if not hasattr(vars(base).get(method, pack), "__code__"))


def place_of(step: str, run: Run) -> str:
    """Return where a failure was: the step, or for "" the pipeline's function, and how to look at it."""
    what = f"Step `{step}`" if step else f"The function of pipeline `{run.pipeline_name}`"
    return f"{what} of run `{run.name}` failed. See: zenml run show {short(run.id)}"


def from_record(failure: Failure, where: str) -> BaseException:
    """Return an exception for a failure of which only the record is at hand."""
    name = failure.type.rpartition(".")[2]
    error = RunFailedError(f"{where} failed with {name}: {failure.message}")
    error.add_note(failure.traceback)
    return error


def text_of(error: BaseException) -> str:
    """Return the text of an exception, whatever its class does."""
    try:
        return str(error)
    except Exception:  # a user's __str__ may raise anything
        return f"<{type(error).__name__} whose text cannot be made>"


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception, once, if its class lets it have one."""
    try:
        if note in getattr(error, "__notes__", ()):
            return
        error.add_note(note)
    except Exception:  # noqa: S110  a frozen class refuses; the exception itself matters more
        pass


def _storable(text: str) -> str:
    """Escape what is no Unicode, such as the bytes of a file name that could not be decoded."""
    return text.encode(errors="backslashreplace").decode()
