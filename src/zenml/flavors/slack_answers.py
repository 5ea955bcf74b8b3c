"""What people said to a question in Slack: replies in its thread, and reactions to it, as one answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

APPROVING = ("approve", "approved", "yes", "y", "ok", "okay", "lgtm")
DISAPPROVING = ("disapprove", "disapproved", "reject", "rejected", "deny", "denied", "decline", "no", "n")
APPROVING_REACTIONS = ("white_check_mark", "heavy_check_mark", "+1", "thumbsup")
DISAPPROVING_REACTIONS = ("x", "-1", "thumbsdown", "no_entry", "no_entry_sign")


class AnswerRules(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as an answer.

    Attributes:
        approve: the first words of replies that approve, in any case of letters.
        disapprove: those that do not.
        approvers: ids of the users whose answers count; empty: everybody's.
        own_ids: the ids of whoever asked: it does not answer itself.
    """

    approve: tuple[str, ...] = APPROVING
    disapprove: tuple[str, ...] = DISAPPROVING
    approvers: tuple[str, ...] = ()
    own_ids: frozenset[str] = frozenset()

    def may_answer(self, user: str) -> bool:
        """Tell whether the answer of a user counts."""
        return bool(user) and user not in self.own_ids and (not self.approvers or user in self.approvers)


def answer_in(
    replies: Iterable[Mapping[str, Any]], reactions: Iterable[Mapping[str, Any]], rules: AnswerRules
) -> bool | None:
    """Return whether somebody approved; None if nobody has answered yet. Among several answers a "no" wins."""
    answers = [_of_reply(one, rules) for one in replies] + [_of_reaction(one, rules) for one in reactions]
    if False in answers:
        return False
    return True if True in answers else None


def _of_reply(reply: Mapping[str, Any], rules: AnswerRules) -> bool | None:
    # Apps post with a `bot_id`; a `subtype` marks what was not simply written, such as "joined the channel".
    if reply.get("bot_id") or reply.get("subtype") or not rules.may_answer(reply.get("user", "")):
        return None
    words = reply.get("text", "").casefold().split()
    return _meaning(words[0].strip(".,;:!?*_~`\"'()"), rules.approve, rules.disapprove) if words else None


def _of_reaction(reaction: Mapping[str, Any], rules: AnswerRules) -> bool | None:
    if not any(rules.may_answer(user) for user in reaction.get("users", ())):
        return None
    name = reaction.get("name", "").partition("::")[0]  # `+1::skin-tone-2`
    return _meaning(name, APPROVING_REACTIONS, DISAPPROVING_REACTIONS)


def _meaning(word: str, approving: Iterable[str], disapproving: Iterable[str]) -> bool | None:
    if word in {one.casefold() for one in disapproving}:
        return False
    return True if word in {one.casefold() for one in approving} else None
