"""Every exception of the project.

ZenMLError
├── DeclarationError (ValueError)      a step or pipeline is declared or called wrongly; nothing ran
│   └── ArgumentError (TypeError)      an argument is missing, unknown or given twice
├── ConfigurationError (ValueError)    an option, setting or file says something impossible
├── TypeMismatchError (TypeError)      a value or an edge does not fit its annotation
├── MaterializerError (TypeError)      a value cannot be stored, or cannot be stored unchanged
│   └── MissingLibraryError (ImportError)  the value needs a library that is not installed
├── ArtifactError
│   ├── ArtifactDamagedError           the stored bytes are not the bytes that were written
│   └── ArtifactNotTrustedError        loading would run code that this store did not record
├── NotFoundError (KeyError)           no such run, step, artifact, pipeline …
│   └── AmbiguousNameError             the name or short id fits several things
├── ComponentError (RuntimeError)      the service behind a component of a stack is not reached, or refuses
├── ContextError (RuntimeError)        asked for a run where none is active, or the reverse
├── StepProcessError (RuntimeError)    an isolated step's process ended without an answer
│   └── StepOutOfMemoryError (MemoryError)  its processes took more memory than there was for it
├── StepTimeoutError (TimeoutError)    a step took longer than its limit
├── StepCancelledError (RuntimeError)  a step has no result: it, or what it needs, was cancelled
├── AnswerError (RuntimeError)         a question cannot be answered: it was, its time is over, or nothing is asked
├── WaitTimeoutError (TimeoutError)    nobody answered a question in time
├── RunStoppedError (RuntimeError)     the run was stopped, or taken over by another process
├── ResumeError (RuntimeError)         a run cannot be resumed: it has completed, or goes on, or its code is gone
├── ReplayError (RuntimeError)         a run cannot be reproduced: its code is gone, or what is to be skipped has no result
├── ScheduleError (RuntimeError)       a schedule cannot do what is asked, or a run of it is not to begin any more
├── RunFailedError (RuntimeError)      a run failed and its exception object is no longer at hand
└── StoreError
    ├── StoreVersionError              the store was written by another version
    ├── SecretUnreadableError          a secret cannot be decrypted: another key, or a changed row
    └── StoreUnavailableError (OSError)    the store cannot be opened, read or written
Terminated (SystemExit)                SIGTERM arrived while a run was active: no error, the program ends

A message says what happened, to which thing, and what to do now. Data that a caller may
want to handle is kept as attributes.
"""

from __future__ import annotations


class ZenMLError(Exception):
    """The root of every error that the project raises itself."""


class DeclarationError(ZenMLError, ValueError):
    """A step or pipeline is declared or called wrongly; nothing ran."""


class ArgumentError(DeclarationError, TypeError):
    """An argument of a step or pipeline is missing, unknown or given twice."""


class ConfigurationError(ZenMLError, ValueError):
    """An option, setting or configuration file says something impossible."""


class TypeMismatchError(ZenMLError, TypeError):
    """A value, or an edge between two steps, does not fit its annotation."""


class MaterializerError(ZenMLError, TypeError):
    """A value cannot be stored, or cannot be stored so that it comes back unchanged."""


class MissingLibraryError(MaterializerError, ImportError):
    """Storing or loading the value needs a library that is not installed."""


class ArtifactError(ZenMLError):
    """Something is wrong with the stored bytes of an artifact."""


class ArtifactDamagedError(ArtifactError):
    """The stored bytes are missing, or are not the bytes that were written."""


class ArtifactNotTrustedError(ArtifactError):
    """Loading would run code or import a type that this store did not record itself."""


class NotFoundError(ZenMLError, KeyError):
    """No such run, step, artifact, pipeline or component."""

    def __str__(self) -> str:
        """Return the message itself; `KeyError` would show its repr."""
        return str(self.args[0]) if self.args else ""


class AmbiguousNameError(NotFoundError):
    """The name or short id fits several things; the message lists them."""


class ComponentError(ZenMLError, RuntimeError):
    """The service behind a component of a stack is not reached, or refuses what it is asked for."""


class ContextError(ZenMLError, RuntimeError):
    """A run was asked for where none is active, or something is not allowed inside one."""


class StepProcessError(ZenMLError, RuntimeError):
    """An isolated step's process ended without handing over an outcome.

    Attributes:
        exit_code: the exit status, or None when a signal ended the process.
        signal: the number of the signal that ended it, or None.
    """

    def __init__(self, message: str, *, exit_code: int | None = None, signal: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.signal = signal


class StepOutOfMemoryError(StepProcessError, MemoryError):
    """The processes of an isolated step took more memory than its cap, or than the machine has.

    Attributes:
        cap: the bytes that it may have; None where the system itself ran out of memory.
        peak: the bytes that it had at most, as far as it is known.
    """

    def __init__(
        self, message: str, *, cap: int | None = None, peak: int | None = None, signal: int | None = None
    ) -> None:
        super().__init__(message, signal=signal)
        self.cap = cap
        self.peak = peak


class StepTimeoutError(ZenMLError, TimeoutError):
    """A step took longer than its limit and was ended."""

    @classmethod
    def of(cls, step: str, limit: float) -> StepTimeoutError:
        """Return the error of a step that was ended after its limit in seconds."""
        return cls(
            f"Step `{step}` took longer than its limit of {limit:g} s and was ended with all its processes. "
            "Raise its `timeout`, or look in its log for what it waited for."
        )


class StepCancelledError(ZenMLError, RuntimeError):
    """A step has no result: it, or a step that it needs, was cancelled."""


class AnswerError(ZenMLError, RuntimeError):
    """A question cannot be answered: it has been, its time is over, or the run asks nothing."""


class WaitTimeoutError(ZenMLError, TimeoutError):
    """Nobody answered a question of a run in time, and it has no default."""


class RunStoppedError(ZenMLError, RuntimeError):
    """The run was stopped, or another process has taken it over.

    Attributes:
        reason: why it was asked to stop; None where another process has taken it over.
    """

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason

    @classmethod
    def asked(cls, run: str, reason: str | None) -> RunStoppedError:
        """Return the error for a run that somebody asked to stop."""
        reason = reason or "asked to stop"
        return cls(
            f"Run `{run}` was stopped: {reason}. Go on with what is missing: zenml run resume {run}",
            reason=reason,
        )

    @classmethod
    def taken_over(cls, run: str, status: str, reason: str | None) -> RunStoppedError:
        """Return the error for a run that is not this process's any more, with what is recorded of it."""
        return cls(
            f"Run `{run}` is recorded as {status}" + (f" ({reason})" if reason else "") + "; this process "
            "no longer owns it and records nothing more. Go on from what is recorded: zenml run resume."
        )


class ResumeError(ZenMLError, RuntimeError):
    """A run cannot be resumed: it has completed, goes on elsewhere, or its pipeline cannot be found."""


class ReplayError(ZenMLError, RuntimeError):
    """A run cannot be reproduced: its code is gone, or what is to be skipped has no result."""


class ScheduleError(ZenMLError, RuntimeError):
    """A schedule cannot do what is asked of it, or a fire of it is not to begin."""


class RunFailedError(ZenMLError, RuntimeError):
    """A run failed, and the exception object of the failed step is not at hand."""


class StoreError(ZenMLError):
    """Something is wrong with the store itself."""


class StoreVersionError(StoreError):
    """The store was written by a newer version, or needs an upgrade that failed."""


class SecretUnreadableError(StoreError):
    """A secret cannot be decrypted: its key is lost or another one, or its row was changed."""


class StoreUnavailableError(StoreError, OSError):
    """The store cannot be opened, read or written."""


class Terminated(SystemExit):
    """SIGTERM arrived: the program is to end with status 143. Not to be taken for a step's `sys.exit`."""
