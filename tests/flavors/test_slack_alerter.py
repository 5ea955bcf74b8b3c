"""The Slack alerter against a fake of Slack's Web API on this machine."""

import sys

import msgspec
import pytest
import slack_fake
from slack_fake import TOKEN, SlackFake

from zenml.components.alerter import Alert
from zenml.components.alerter_check import CHECKS
from zenml.components.flavor import Place
from zenml.errors import ComponentError, ConfigurationError, MissingLibraryError
from zenml.flavors.slack_alerter import FLAVOR, SlackAlerterConfig

PLACE = Place(name="team", folder="/nonexistent")
CHANNEL = "C0123456789"


class SlackService(SlackFake):
    def make(self, **changes):
        options = {
            "token": TOKEN,
            "default_channel_id": CHANNEL,
            "base_url": f"{self.url}/api/",
            "timeout": 0.3 if self.mode == "hang" else 20.0,
            "poll_interval": 0.001,
            "ask_timeout": 30.0,
            **changes,
        }
        return FLAVOR.component(msgspec.convert(options, SlackAlerterConfig), PLACE)

    def answer(self, *, approves):
        self.replies = [reply("approve" if approves else "disapprove")]


@pytest.fixture
def service():
    with SlackService() as service:
        yield service


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_slack_alerter_conforms(check, service):
    check(service.make, service)


def test_the_layout(service):
    alert = Alert(
        title="Step failed",
        text="why",
        level="failure",
        fields={"run": "nightly"},
        log_tail="line 1\nline 2",
        link="https://example.com/7",
    )

    service.make().post(alert)

    (message,) = service.messages
    (attachment,) = message["attachments"]
    rich, actions = attachment["blocks"]
    text, facts, log = rich["elements"]
    assert message["text"] == attachment["fallback"] == "Step failed"
    assert message["blocks"][0]["text"] == {"type": "plain_text", "text": "Step failed", "emoji": False}
    assert attachment["color"] == "#c0392b"
    assert text["elements"][0]["text"] == "why"
    assert [part["text"] for part in facts["elements"]] == ["run: ", "nightly"]
    assert facts["elements"][0]["style"] == {"bold": True}
    assert log["type"] == "rich_text_preformatted"
    assert log["elements"] == [{"type": "text", "text": "line 1\nline 2"}]
    assert actions["elements"][0]["url"] == "https://example.com/7"


def test_the_text_of_notifications_mentions_nobody(service):
    service.make().post("<!channel> & <@U1>")

    assert service.messages[0]["text"] == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


@pytest.mark.parametrize("name", ["channel", "slack_channel_id"])
def test_a_message_chooses_its_channel_and_thread(service, name):
    service.make().post("text", {name: "#deployments", "thread": "1700000000.000001"})

    (message,) = service.messages
    assert message["channel"] == "C0000000002"
    assert message["thread_ts"] == "1700000000.000001"


def test_a_message_brings_its_own_blocks(service):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*bold*"}}]

    service.make().post("fallback", {"blocks": blocks})

    (message,) = service.messages
    assert (message["text"], message["blocks"]) == ("fallback", blocks)


@pytest.mark.parametrize(
    "options",
    [
        {"slack_token": TOKEN, "slack_channel_id": CHANNEL},
        {"slack_token": TOKEN, "default_slack_channel_id": CHANNEL},
        {"token": TOKEN, "slack_token": TOKEN, "default_channel_id": CHANNEL, "slack_channel_id": CHANNEL},
    ],
    ids=str,
)
def test_other_spellings_of_the_configuration(service, options):
    config = msgspec.convert({**options, "base_url": f"{service.url}/api/"}, SlackAlerterConfig)

    FLAVOR.component(config, PLACE).post("text")

    assert service.messages[0]["channel"] == CHANNEL


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"token": "a", "slack_token": "b"},
        {"token": "a", "default_channel_id": "C1", "slack_channel_id": "C2"},
        {"token": "a", "base_url": "http://example.com/api/"},
        {"token": "a", "approve": []},
    ],
    ids=str,
)
def test_an_impossible_configuration_is_refused(options):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, SlackAlerterConfig)


def test_a_message_without_a_channel_goes_nowhere(service):
    with pytest.raises(ConfigurationError, match="default_channel_id"):
        service.make(default_channel_id=None).post("text")


def test_what_slack_says_is_told(service):
    with pytest.raises(ComponentError, match=r"`team`.*`channel_not_found`"):
        service.make().post("text", {"channel": "nowhere"})
    with pytest.raises(ComponentError, match=r"`invalid_blocks`.*unknown ones"):
        service.make().post("text", {"blocks": [{"type": "nonsense"}]})


def test_a_wrong_token_is_told_and_not_shown(service):
    with pytest.raises(ComponentError, match="`invalid_auth`") as caught:
        service.make(token="xoxb-wrong-and-private").post("text")

    assert "private" not in str(caught.value)


def test_slack_is_asked_again_when_it_said_so(service):
    service.limited = 2

    service.make().post("text")

    assert len(service.requests) == 3
    assert len(service.messages) == 1


def test_a_pause_beyond_the_timeout_is_not_waited_for(service):
    service.answers = [(429, {"Retry-After": "3600"}, b"{}")]

    with pytest.raises(ComponentError, match="429"):
        service.make().post("text")

    assert len(service.requests) == 1


def test_an_answer_that_is_no_json_is_told(service):
    service.answers = [(502, {}, b"<html>Bad gateway</html>")]

    with pytest.raises(ComponentError, match="502"):
        service.make().post("text")


def test_a_missing_library_is_told(service, monkeypatch):
    monkeypatch.setitem(sys.modules, "slack_sdk", None)
    monkeypatch.setitem(sys.modules, "slack_sdk.errors", None)

    with pytest.raises(MissingLibraryError, match=r"zenml-core\[slack\]"):
        service.make().post("text")


def reply(text, user="U0PERSON", **more):
    return {"type": "message", "ts": "1700000001.000001", "user": user, "text": text, **more}


@pytest.mark.parametrize(
    ("text", "answer"), [("approve", True), ("Yes, go on!", True), ("no, not today", False)]
)
def test_a_reply_answers_a_question(service, text, answer):
    service.replies = [reply(text)]

    assert service.make().ask("Deploy?") is answer

    assert "Reply in the thread with `approve` or `disapprove`" in service.arrived()[0].text


@pytest.mark.parametrize(
    ("name", "answer"), [("white_check_mark", True), ("+1::skin-tone-2", True), ("x", False)]
)
def test_a_reaction_answers_a_question(service, name, answer):
    service.reactions = [{"name": name, "count": 1, "users": ["U0PERSON"]}]

    assert service.make().ask(Alert(title="Deploy?", fields={"accuracy": "0.98"})) is answer


def test_it_waits_until_somebody_answers(service):
    def answer_at_the_third_look(number):
        if number == 3:
            service.replies.append(reply("approve"))

    service.on_look = answer_at_the_third_look

    assert service.make().ask("Deploy?") is True
    assert service.looks == 3


def test_what_is_no_answer_of_a_person_does_not_count(service):
    service.replies = [
        reply("approve", bot_id="B0OTHER"),
        reply("approve", user=slack_fake.OWN["user_id"]),
        reply("approve", subtype="thread_broadcast_by_app"),
        reply("let me see"),
        reply(""),
    ]
    service.reactions = [
        {"name": "white_check_mark", "users": [slack_fake.OWN["user_id"]]},
        {"name": "eyes", "users": ["U0PERSON"]},
    ]

    with pytest.raises(ComponentError, match=r"nobody answered within 0\.05 s"):
        service.make(ask_timeout=0.05).ask("Deploy?")

    assert service.looks >= 1


def test_one_no_is_enough(service):
    service.replies = [reply("yes"), reply("no", user="U0OTHER")]

    assert service.make().ask("Deploy?") is False


def test_only_approvers_answer(service):
    service.replies = [reply("no", user="U0OTHER"), reply("yes", user="U0BOSS")]
    service.reactions = [{"name": "x", "users": ["U0OTHER"]}]

    assert service.make(approvers=["U0BOSS"]).ask("Deploy?") is True


def test_own_words(service):
    service.replies = [reply("Ja!")]

    assert service.make().ask("Deploy?", {"approve": ["ja"], "disapprove": ["nein"]}) is True


def test_answers_on_a_later_page(service):
    service.pages = 3
    service.replies = [reply("approve")]

    assert service.make().ask("Deploy?") is True


@pytest.mark.parametrize(
    "problem", ["lose", (503, {}, b"{}"), (429, {"Retry-After": "3600"}, b'{"ok": false}')], ids=str
)
def test_slack_being_away_for_a_moment_does_not_end_the_question(service, problem):
    def be_away_at_the_second_look(number):
        if number == 1:
            service.answers = [(200, {}, b'{"ok": true, "message": {}}'), problem]
        else:
            service.replies.append(reply("approve"))

    service.on_look = be_away_at_the_second_look

    assert service.make().ask("Deploy?") is True


def test_a_missing_scope_ends_the_question(service):
    refusal = b'{"ok": false, "error": "missing_scope", "needed": "reactions:read"}'
    service.on_look = lambda number: service.answers.append((200, {}, refusal))

    with pytest.raises(ComponentError, match=r"missing_scope.*reactions:read"):
        service.make().ask("Deploy?")
