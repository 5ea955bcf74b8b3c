"""The stand-in for a language model: a few rules that read the conversation so far and say what to do next.

It is no model, and knows nothing but the table below. What it shares with one is its place: it gets a question
and all that tools have found, and decides which tools to use now, several at once if they do not need each
other, or that it can answer. To use a model, let `decide` ask it; nothing else changes.
"""

from __future__ import annotations

import re

from conversation import Decision, ToolCall, ToolResult

FORMULAS = {
    "cost of electricity per year": "{electricity of the oven per year} * {price of electricity}",
    "saving per year": "{cost of electricity per year} * {saving of the new oven} / 100",
    "years until it has paid for itself": "{price of the new oven} / {saving per year}",
}
"""How to calculate what no text tells."""
ANSWERS = {
    "cost of electricity per year": "The electricity of the oven costs {:,.0f} EUR a year.",
    "saving per year": "The new oven saves {:,.0f} EUR a year.",
    "years until it has paid for itself": "The new oven has paid for itself after {:.1f} years.",
}
GOALS = {"worth": "years until it has paid for itself", "save": "saving per year"}
"""What a question with such a word asks for; any other one asks for the cost."""
FACT = re.compile(r"^- (?P<name>[^:]+): (?P<number>[\d.]+)", re.MULTILINE)
OPERAND = re.compile(r"{([^}]+)}")


def decide(question: str, results: list[ToolResult]) -> Decision:
    """Return what to do next."""
    goal = next((goal for word, goal in GOALS.items() if word in question), "cost of electricity per year")
    known = what_is_known(results)
    missing = [name for name in needed_for(goal) if name not in known]
    if not missing:
        return Decision("I know enough.", answer=ANSWERS[goal].format(known[goal]))
    unread = [name for name in missing if name not in FORMULAS]
    if not unread:
        expression = OPERAND.sub(lambda found: f"{known[found[1]]:g}", FORMULAS[missing[0]])
        return Decision("I can calculate that.", [ToolCall("calculate", f"{missing[0]} = {expression}")])
    calls = [call for name in unread if (call := next_look(name, results)) is not None]
    if not calls:
        return Decision("I have read all that I found.", answer=f"No text tells the {unread[0]}.")
    return Decision(f"I need the {', the '.join(unread)}.", list(dict.fromkeys(calls)))


def needed_for(name: str) -> list[str]:
    """Return what has to be known for something, the first things first, and that itself."""
    operands = OPERAND.findall(FORMULAS.get(name, ""))
    return list(dict.fromkeys([*(one for operand in operands for one in needed_for(operand)), name]))


def what_is_known(results: list[ToolResult]) -> dict[str, float]:
    """Return the numbers that stand in texts, and those that were calculated."""
    known: dict[str, float] = {}
    for result in results:
        if result.call.tool == "read":
            known |= {fact["name"]: float(fact["number"]) for fact in FACT.finditer(result.text)}
        elif result.call.tool == "calculate":
            known[result.call.argument.partition(" = ")[0]] = float(result.text)
    return known


def next_look(name: str, results: list[ToolResult]) -> ToolCall | None:
    """Return where to look for something: search for it, then read what was found; None if all was read."""
    done = {result.call: result.text for result in results}
    search = ToolCall("search", name)
    if search not in done:
        return search
    reads = [ToolCall("read", title) for title in done[search].splitlines()]
    return next((one for one in reads if one not in done), None)
