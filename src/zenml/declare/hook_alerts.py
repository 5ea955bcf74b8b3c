"""What the alerter hooks tell: of a step or run how it ended, why, its last lines, and where more is to be seen."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.alerter import Alert
from zenml.context import masking
from zenml.records.ids import short
from zenml.reporting.reporter import duration
from zenml.worker import failures

if TYPE_CHECKING:
    from zenml.execute.hook_context import HookContext
    from zenml.records.run import Failure
    from zenml.views.logs import StepLogs
    from zenml.views.run_view import RunView
    from zenml.views.step_view import StepView

LONGEST_CAUSE = 500
"""Letters of an exception that are posted."""
LOG_LINES = 20
"""Last lines of a log that are posted."""
MOST_ALIKE = 3
"""How much news of one group is posted in a run; the next is told as a summary, and then no more."""
_NUMBER = re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,}\b|\d+")
"""Ids and numbers, in which causes differ that are alike."""


class News(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell, and what it is like.

    Attributes:
        group: a digest of what news that is alike has in common: the cause of failures.
        subject: a digest of what it is about: the step.
    """

    alert: Alert
    group: str
    subject: str

    def summary(self) -> Alert:
        """Return the message that stands for this news and all more of its group."""
        more = f"More than {MOST_ALIKE} steps of this run ended like this: further ones are not posted."
        text = f"{self.alert.text}\n\n{more}" if self.alert.text else more
        return msgspec.structs.replace(
            self.alert, title=f"{self.alert.title}, as others", text=text, log_tail=""
        )


def success_of(context: HookContext) -> News:
    """Return the news that a step or run has succeeded."""
    alert = _alert(context, "succeeded", level="success")
    # Elements of a map are alike; other steps are news of their own.
    alike = (context.step_run.record.invocation.map or context.step_name) if _is_of_step(context) else ""
    return _news(context, alert, f"success of {alike}")


def failure_of(context: HookContext, exception: BaseException) -> News:
    """Return the news that a step, or a run without a failed step, has failed."""
    failure = context.step_run.failure if _is_of_step(context) else None
    failure = failure or failures.describe(exception)
    cause = _cause(failure)
    alert = _alert(context, "failed", level="failure", text=cause)
    if not _is_of_step(context):
        alert = _with_first_failed(alert, context.pipeline_run)
    return _news(context, alert, f"failure by {_NUMBER.sub('0', failure.first_cause or cause)}")


def _news(context: HookContext, alert: Alert, group: str) -> News:
    run = context.pipeline_run
    subject = _digest(context.step_name if _is_of_step(context) else "")
    key = _digest(f"{run.id} {group} {subject}", 32)
    alert = msgspec.structs.replace(alert, key=key, thread=run.id)
    return News(alert=alert, group=_digest(group), subject=subject)


def _alert(context: HookContext, verb: str, *, level: Any, text: str = "") -> Alert:
    run = context.pipeline_run
    facts = {"pipeline": run.record.pipeline_name, "run": run.name}
    if not _is_of_step(context):
        facts |= {"duration": _duration(run), "look": f"zenml run show {short(run.id)}"}
        log = _tail(run.logs) if level == "failure" else ""
        return Alert(title=f"Run `{run.name}` {verb}", text=text, level=level, fields=facts, log_tail=log)
    step = context.step_run
    facts |= {"step": step.name, "duration": _duration(step)}
    if step.attempt > 1:
        facts["attempt"] = str(step.attempt)
    facts["look"] = f"zenml step show {short(run.id)} {step.name}"
    log = _tail(step.logs) if level == "failure" else ""
    if log:
        facts["log"] = f"zenml logs {short(run.id)} {step.name}"
    title = f"Step `{step.name}` of run `{run.name}` {verb}"
    return Alert(title=title, text=text, level=level, fields=facts, log_tail=log)


def _with_first_failed(alert: Alert, run: RunView) -> Alert:
    """Return the alert of a run with the step that failed first: what its function raised came of that, often."""
    failed = [call.step for call in run.calls if call.step is not None and call.step.status == "failed"]
    if not failed:
        return alert
    first = min(failed, key=lambda step: step.ended_at or 0)
    text = f"{alert.text}\nThe step that failed first is `{first.invocation_id}`"
    text += f": {_cause(first.failure)}" if first.failure is not None else "."
    log = alert.log_tail or _tail(run.step_run(first.id).logs)
    facts = {**alert.fields, "log": f"zenml logs {short(run.id)} {first.invocation_id}"}
    return msgspec.structs.replace(alert, text=text, fields=facts, log_tail=log)


def _cause(failure: Failure) -> str:
    """Return why something failed, and what that began with, as it is recorded: secrets are masked there."""
    name = failure.type.rpartition(".")[2]
    cause = _shortened(f"{name}: {failure.message}" if failure.message else name)
    return f"{cause}\nIt began with {_shortened(failure.first_cause)}" if failure.first_cause else cause


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_CAUSE else f"{text[: LONGEST_CAUSE - 1]}…"


def _tail(logs: StepLogs | None) -> str:
    """Return the last lines of a log; a secret that was registered after they were written is masked too."""
    return "" if logs is None else masking.mask("\n".join(logs.tail(LOG_LINES)))


def _duration(one: RunView | StepView) -> str:
    return duration(one._began, one.record.ended_at)


def _is_of_step(context: HookContext) -> bool:
    return getattr(context, "is_of_step", True)


def _digest(text: str, length: int = 12) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
