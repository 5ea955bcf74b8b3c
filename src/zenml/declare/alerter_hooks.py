"""Hooks that post what became of a step or run through the alerter of the active stack.

    @step(on_failure=alerter_failure_hook, on_success=alerter_success_hook)
    def train() -> None: ...

The same is posted once in each run, also when the run is resumed; of news that is alike, such as elements of a map
that all fail with the same cause, a few and then a summary. Without an alerter they post
nothing, and say so once in each run. An alerter that fails makes the hook fail, and nothing else.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from zenml.client.client import Client
from zenml.context import session
from zenml.context.step import get_step_context
from zenml.errors import ComponentError

if TYPE_CHECKING:
    from zenml.components.alerter import Alert
    from zenml.declare.hook_alerts import News
    from zenml.execute.hook_context import RunHookSession

LONGEST_POST = 60.0
"""Seconds after which a post is given up whose alerter has no limit of its own, or a longer one."""


def alerter_success_hook() -> None:
    """Post that a step or run has succeeded."""
    alerter = _alerter()
    if alerter is not None:
        from zenml.declare.hook_alerts import success_of  # a program that declares hooks does without

        context: Any = get_step_context()
        _tell(alerter, success_of(context))


def alerter_failure_hook(exception: BaseException) -> None:
    """Post that a step, or a run without a failed step, has failed, and why."""
    alerter = _alerter()
    if alerter is not None:
        from zenml.declare.hook_alerts import failure_of

        context: Any = get_step_context()
        _tell(alerter, failure_of(context, exception))


def _alerter() -> Any:
    """Return the alerter of the active stack; without one say so, once in each run."""
    alerter = Client().active_stack.alerter
    if alerter is None:
        _note_once("The active stack has no alerter: the alerter hooks post nothing.")
        return None
    return alerter.open()


def _note_once(text: str) -> None:
    note_once = getattr(session.active.get(), "note_once", None)
    if note_once is not None:
        note_once(text)


def _tell(alerter: Any, news: News) -> None:
    """Post news, unless it was posted in this run before, or enough that is alike."""
    from zenml.declare.hook_alerts import MOST_ALIKE

    hook: Any = session.active.get()
    if getattr(hook, "posted", None) is None:  # called by hand, outside of a hook
        _post(alerter, news.alert)
        return
    place = hook.posted.claim(news.group, news.subject)
    if place is None:
        return
    if place > MOST_ALIKE + 1:
        _note_once(
            f"More steps ended like this, which is not posted again: {news.alert.text or news.alert.title}"
        )
        return
    try:
        _post_unless_down(alerter, news.summary() if place > MOST_ALIKE else news.alert, hook)
    except BaseException:
        hook.posted.give_back(news.group, news.subject)
        raise
    hook.posted.record(news.group, news.subject, hook.hook_run_id)


def _post_unless_down(alerter: Any, alert: Alert, hook: RunHookSession) -> None:
    """Post; but do not have each step of a run wait for an alerter that does not answer."""
    problem = hook.posted.problem
    if problem is not None:
        raise ComponentError(
            f"`{alert.title}` was not posted: the alerter took long to fail a moment ago, and is left alone for a minute. "
            f"Then it was: {problem}"
        )
    started = time.monotonic()
    try:
        _post(alerter, alert)
    except Exception as error:  # an alerter of the user's may raise anything
        hook.posted.tell_failure(time.monotonic() - started, str(error))
        raise


def _post(alerter: Any, alert: Alert) -> None:
    """Post, for a limited time; what is no `Alerter` but has its method gets text."""
    from zenml.components.alerter import Alerter
    from zenml.components.time_limit import within

    message = alert if isinstance(alerter, Alerter) else alert.as_text()
    try:
        within(LONGEST_POST, lambda: alerter.post(message))
    except TimeoutError as error:
        raise ComponentError(
            f"The alerter of the active stack did not take `{alert.title}` within {LONGEST_POST:g} s. "
            "See whether its service answers."
        ) from error
