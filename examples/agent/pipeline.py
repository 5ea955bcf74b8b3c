"""An agent that answers a question with tools, and asks a person before it publishes its report.

    zenml pipeline run examples/agent/pipeline.py
    zenml run answer --json '{"publish": true}'

The loop is the function of a dynamic pipeline: each decision and each use of a tool is a step, with a record, a log
and a cache entry. What decides is a stand-in of a few rules, `planner.py`, so that the example needs no model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from conversation import Approval, Decision, ToolCall, ToolResult
from planner import decide
from tools import Library, best_matches, value_of

from zenml import pipeline, step, wait
from zenml.types import MarkdownString

HERE = Path(__file__).resolve().parent


@step(enable_cache=False)  # the files may have changed; if not, nothing behind this step runs again
def open_library(folder: str) -> Annotated[Library, "library"]:
    """Read all texts of a folder."""
    return {path.stem: path.read_text("utf-8") for path in sorted(Path(folder).glob("*.md"))}


@step
def think(question: str, results: list[ToolResult]) -> Decision:
    """Decide what to do next. Here a language model would be asked."""
    decision = decide(question, results)
    print(decision.thought, *[f"{call.tool}: {call.argument}" for call in decision.calls], sep="\n  ")
    return decision


@step
def search(call: ToolCall, library: Library) -> ToolResult:
    """Find the texts that say most about something."""
    return ToolResult(call, "\n".join(best_matches(library, call.argument)))


@step
def read(call: ToolCall, library: Library) -> ToolResult:
    """Read a text."""
    return ToolResult(call, library[call.argument])


@step
def calculate(call: ToolCall) -> ToolResult:
    """Calculate what stands behind `=`."""
    return ToolResult(call, f"{value_of(call.argument.partition(' = ')[2]):g}")


@step
def write_report(
    question: str, answer: str, results: list[ToolResult]
) -> Annotated[MarkdownString, "report"]:
    """Write the answer down, with each thing that it was found by."""
    lines = [f"# {question}", "", f"**{answer}**", "", "## How this was found", ""]
    lines += ["| tool | with | found |", "|---|---|---|"]
    for one in results:
        found = one.text.splitlines()[0].lstrip("# ") if one.call.tool == "read" else one.text
        lines.append(f"| {one.call.tool} | {one.call.argument} | {', '.join(found.splitlines())} |")
    return MarkdownString("\n".join(lines) + "\n")


@step(enable_cache=False)  # it does something outside, so it is never answered from the cache
def publish(report: MarkdownString, remark: str, folder: str) -> str:
    """Put the report where everybody reads it; here that is a folder."""
    path = Path(folder) / "report.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{report}\n{remark}\n" if remark else report, "utf-8")
    print(f"Published: {path}")
    return str(path)


@pipeline(dynamic=True)
def agent(
    question: str = "Is the new oven worth its price?",
    max_turns: int = 10,
    folder: str = str(HERE / "library"),
    output: str = str(HERE / "output"),
) -> Annotated[MarkdownString, "report"]:
    """Use tools until the question can be answered; publish the answer if a person agrees."""
    library = open_library(folder)
    results: list[Any] = []  # futures of what tools find; passed on, nobody waits for them here
    for _ in range(max_turns):
        decision = think.submit(question, results).load()
        if decision.answer is not None:
            break
        for call in decision.calls:  # at once: none of them needs another one
            match call.tool:
                case "search":
                    results.append(search.submit(call, library))
                case "read":
                    results.append(read.submit(call, library))
                case "calculate":
                    results.append(calculate.submit(call))
    else:
        return write_report(question, f"No answer within {max_turns} turns.", results)

    report = write_report(question, decision.answer, results)
    approval = wait(Approval, f"{decision.answer} Publish the report?", name="publish")
    if approval.publish:
        publish(report, approval.remark, output)
    else:
        print(f"Not published. {approval.remark}")
    return report


if __name__ == "__main__":
    agent()
