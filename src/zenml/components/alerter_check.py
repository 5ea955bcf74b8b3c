"""The conformance check of alerters: what each must do, as functions that raise `AssertionError`.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_alerter_conforms(check):
        with MyService() as service:
            check(service.make, service)

A check calls `make` for an alerter that posts to the service, with a limit of a few seconds. The
service is yours: the real one, or a stand-in that takes and refuses what the real one would. Write it as
a subclass of `AlerterService`. It tells what has arrived *as a person sees it*: it renders a message like
the medium does, so that escaped text reads as it was written, and markup that was not escaped acts,
and is gone from the text. What a message does beside being read goes into `Arrived.envelope`.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from zenml.components.alerter import Alert, Alerter
from zenml.errors import ComponentError, ConfigurationError

AlerterFactory: TypeAlias = Callable[[], Alerter]

_SECONDS = 30.0  # a loaded machine may take one
_LOOK = 0.01
HOSTILE = (
    "<!channel> <@U012AB3CD> <https://example.com|click> & <b>bold</b> <script>x()</script> &amp; *star* _line_ "
    "~gone~ `code` ```block``` [text](https://example.com) {{secret.key}} $HOME $(id) ; %s {0}"
)
"""What media may take for markup: mentions, links, HTML, Markdown, templates, shells."""
_HARMLESS = Alert(title="t", text="x", fields={"name": "value"}, log_tail="l")


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """A message at its destination.

    Attributes:
        text: what a person reads, all parts of it.
        envelope: what else the service took from the message, such as recipients, mentioned people,
            names of headers; without what differs from message to message by nature, such as a date.
    """

    text: str
    envelope: tuple[str, ...] = ()


class AlerterService(ABC):
    """Where an alerter posts to, as the check sees it.

    Attributes:
        name: what errors call the service: a part of its address, or a command.
        secrets: what no error may hold.
    """

    name: str
    secrets: tuple[str, ...] = ()

    @abstractmethod
    def arrived(self) -> Sequence[Arrived]:
        """Return the messages that were taken, the oldest first."""

    @abstractmethod
    def refuse(self) -> None:
        """From now on refuse every message; if possible in words that repeat the credentials of the alerter."""

    @abstractmethod
    def hang(self) -> None:
        """From now on accept connections and do not answer; if possible, send a little now and then."""

    @abstractmethod
    def stop(self) -> None:
        """From now on do not be there."""

    def answer(self, *, approves: bool) -> None:
        """Have a person answer the next question; to be written where the alerter can ask."""
        raise NotImplementedError("an alerter that can ask is checked with a service that answers")


# -- the checks


def posts_plain_text(make: AlerterFactory, service: AlerterService) -> None:
    """A text arrives as it is, once, and `post` says that it was taken."""
    was_taken = make().post("Step `train` just failed!\nLook at it.")

    arrived = _wait_for(service, 1)
    _expect(was_taken is True, f"post returned {was_taken!r}")
    _contains(arrived[0].text, "Step `train` just failed!", "Look at it.")
    _expect(len(service.arrived()) == 1, f"{len(service.arrived())} messages arrived")


def posts_every_part(make: AlerterFactory, service: AlerterService) -> None:
    """Title, text, fields, log and link are all seen."""
    alert = Alert(
        title="Step `train` failed",
        text="ValueError: no rows",
        level="failure",
        fields={"run": "nightly-7", "duration": "3 s"},
        log_tail="epoch 1\n  epoch 2\nlost",
        link="https://example.com/runs/7?a=1&b=2",
    )

    make().post(alert)

    text = _wait_for(service, 1)[0].text
    _contains(text, alert.title, alert.text, "nightly-7", "duration", "epoch 1", "  epoch 2", "lost")
    _contains(text, alert.link or "")


def posts_a_title_alone(make: AlerterFactory, service: AlerterService) -> None:
    """Parts that are empty are left out."""
    make().post(Alert(title="All is info", level="info"))
    make().post(Alert(title="All is success", level="success"))
    make().post(Alert(title="All is failure", level="failure"))

    arrived = _wait_for(service, 3)
    for message, level in zip(arrived, ("info", "success", "failure"), strict=True):
        _contains(message.text, f"All is {level}")


def posts_letters_of_all_languages(make: AlerterFactory, service: AlerterService) -> None:
    """Letters outside of ASCII arrive in every part."""
    words = "Größe 模型 модель ✅ 👩‍🔬 e\u0301"

    make().post(words)
    make().post(Alert(title=f"title {words}", text=f"text {words}", fields={words: words}, log_tail=words))

    plain, parts = _wait_for(service, 2)
    _contains(plain.text, words)
    _contains(parts.text, f"title {words}", f"text {words}")


def keeps_the_end_of_a_long_log(make: AlerterFactory, service: AlerterService) -> None:
    """What is longer than the medium takes is cut so that the title and the last lines arrive."""
    log = "\n".join(f"line {number} <&> {'x' * 70}" for number in range(20_000))

    make().post(Alert(title="Step failed", text="y" * 200_000, fields={"run": "z" * 50_000}, log_tail=log))
    make().post("a" * 1_000_000)

    parts, plain = _wait_for(service, 2)
    _contains(parts.text, "Step failed", "line 19999 <&>")
    _contains(plain.text, "a" * 100)


def posts_many_fields(make: AlerterFactory, service: AlerterService) -> None:
    """A medium that takes few fields gets the first ones."""
    make().post(Alert(title="Facts", fields={f"name {n}": f"value {n}" for n in range(200)}))

    _contains(_wait_for(service, 1)[0].text, "name 0", "value 0", "value 7")


def leaves_out_control_characters(make: AlerterFactory, service: AlerterService) -> None:
    """Colours of terminals, bytes that are no text, and halves of letters do not arrive, and hold up nothing."""
    odd = "\x1b[31mred\x1b[0m\x00\x07\x08 \x1b]0;title\x07after\r\nnext \udcff \x85end"

    make().post(odd)
    make().post(Alert(title=odd, text=odd, fields={odd: odd}, log_tail=odd))

    for message in _wait_for(service, 2):
        _contains(message.text, "red", "after", "next", "end")
        left = [letter for letter in message.text if not letter.isprintable() and letter not in "\n\t\xa0"]
        left = [letter for letter in left if letter < "\xa0" or "\ud800" <= letter <= "\udfff"]
        _expect(not left, f"control characters arrived: {left!r}")


def takes_nothing_for_markup(make: AlerterFactory, service: AlerterService) -> None:
    """What users wrote is read as they wrote it: it mentions nobody, and is no HTML, link or command."""
    make().post(_HARMLESS)
    make().post(Alert(title=HOSTILE, text=HOSTILE, fields={"a": HOSTILE}, log_tail=HOSTILE))
    make().post(f"plain: {HOSTILE}")

    harmless, parts, plain = _wait_for(service, 3)
    found = parts.text.count(HOSTILE)
    _expect(found >= 3, f"of four parts {found} arrived as they were written: {parts.text!r:.2000}")
    _contains(plain.text, HOSTILE)
    _expect(parts.envelope == harmless.envelope, f"{parts.envelope} instead of {harmless.envelope}")


def takes_line_breaks_for_text(make: AlerterFactory, service: AlerterService) -> None:
    """A line break in a title or name adds no header and no recipient."""
    injected = "Failed\r\nBcc: evil@example.com\r\nX-Evil: 1\r\n\r\n<b>body</b>"

    make().post(_HARMLESS)
    make().post(Alert(title=injected, fields={injected: injected}, key=injected, thread=injected))

    harmless, posted = _wait_for(service, 2)
    _contains(posted.text, "Failed", "evil@example.com")
    _expect(posted.envelope == harmless.envelope, f"{posted.envelope} instead of {harmless.envelope}")


def posts_from_several_threads(make: AlerterFactory, service: AlerterService) -> None:
    """One alerter is used from several threads at once."""
    alerter, wrong = make(), []

    def post(number: int) -> None:
        try:
            alerter.post(f"message number {number}.")
        except Exception as error:  # it is told below
            wrong.append(error)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_SECONDS)

    _expect(not wrong, f"posting raised {wrong}")
    texts = " ".join(message.text for message in _wait_for(service, 8))
    _contains(texts, *(f"message number {number}." for number in range(8)))


def tells_what_was_refused(make: AlerterFactory, service: AlerterService) -> None:
    """A service that refuses is a `ComponentError`, which names it and holds no secret."""
    service.refuse()

    _fails(make, service)


def gives_up_a_service_that_hangs(make: AlerterFactory, service: AlerterService) -> None:
    """A service that does not answer is a `ComponentError` when the configured time is over."""
    service.hang()

    _fails(make, service)


def tells_that_a_service_is_not_there(make: AlerterFactory, service: AlerterService) -> None:
    """A service that is not reached is a `ComponentError`."""
    service.stop()

    _fails(make, service)


def refuses_unknown_settings(make: AlerterFactory, service: AlerterService) -> None:
    """A setting of a message that the flavor does not know is an error before anything is sent."""
    try:
        make().post("text", {"no_such_setting": 1})
    except ConfigurationError as error:
        _contains(str(error), "no_such_setting")
    else:
        raise AssertionError("an unknown setting was taken")
    _expect(not service.arrived(), "the message was sent all the same")


def asks_only_if_it_hears_answers(make: AlerterFactory, service: AlerterService) -> None:
    """An alerter that cannot hear answers says so at once, and posts nothing."""
    alerter = make()
    if type(alerter).ask is not Alerter.ask:
        return
    try:
        alerter.ask("Deploy?")
    except ConfigurationError as error:
        _contains(str(error), alerter.flavor)
    else:
        raise AssertionError("`ask` returned without the means to hear an answer")
    _expect(not service.arrived(), "the question was posted all the same")


def hears_answers(make: AlerterFactory, service: AlerterService) -> None:
    """An alerter that can ask returns what a person answers to the question that it posted."""
    if type(make()).ask is Alerter.ask:
        return
    for approves in (True, False):
        service.answer(approves=approves)
        answer = make().ask(Alert(title=f"Deploy {approves}?", fields={"accuracy": "0.98"}))
        _expect(answer is approves, f"{approves} was answered, and `ask` returned {answer!r}")
        _contains(service.arrived()[-1].text, f"Deploy {approves}?", "0.98")


AlerterCheck: TypeAlias = Callable[[AlerterFactory, AlerterService], None]

CHECKS: tuple[AlerterCheck, ...] = (
    posts_plain_text,
    posts_every_part,
    posts_a_title_alone,
    posts_letters_of_all_languages,
    keeps_the_end_of_a_long_log,
    posts_many_fields,
    leaves_out_control_characters,
    takes_nothing_for_markup,
    takes_line_breaks_for_text,
    posts_from_several_threads,
    tells_what_was_refused,
    gives_up_a_service_that_hangs,
    tells_that_a_service_is_not_there,
    refuses_unknown_settings,
    asks_only_if_it_hears_answers,
    hears_answers,
)


def _fails(make: AlerterFactory, service: AlerterService) -> None:
    """Post, and see that it fails within reasonable time and with a reasonable error."""
    raised: list[BaseException | None] = []

    def post() -> None:
        try:
            make().post(_HARMLESS)
            raised.append(None)
        except BaseException as error:  # whatever it is, it is judged below
            raised.append(error)

    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    _expect(bool(raised), f"`post` has not ended after {_SECONDS:g} s")
    error = raised[0]
    _expect(isinstance(error, ComponentError), f"a ComponentError was due, and it was {error!r}")
    shown = f"{error} {getattr(error, '__notes__', '')}"
    _expect(service.name in shown, f"{service.name!r} is not in {shown!r}")
    told = [secret for secret in service.secrets if secret in shown]
    _expect(not told, f"the error holds secrets: {shown!r}")


def _wait_for(service: AlerterService, count: int) -> Sequence[Arrived]:
    """Return the messages when so many have arrived."""
    end = time.monotonic() + _SECONDS
    while len(arrived := service.arrived()) < count:
        _expect(time.monotonic() < end, f"{len(arrived)} of {count} messages arrived")
        time.sleep(_LOOK)
    return arrived


def _contains(text: str, *parts: str) -> None:
    for part in parts:
        _expect(part in text, f"{part!r} is not in {text!r:.3000}")


def _expect(condition: bool, message: str) -> None:  # noqa: FBT001  # reads as a statement
    if not condition:
        raise AssertionError(message)
