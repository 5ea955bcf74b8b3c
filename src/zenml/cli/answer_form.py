"""A form for what a JSON Schema asks: one prompt for each field, asked again until the answer fits.

What is typed for a value that has no form of its own is JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from zenml.errors import TypeMismatchError
from zenml.records.answer_schema import check_answer, expected, fits, resolved

Ask = Callable[[str], str]
"""Shows a prompt and returns the line that a person types."""
Say = Callable[[str], None]

_YES = frozenset(("y", "yes", "true", "1"))
_NO = frozenset(("n", "no", "false", "0"))
_LEFT_OUT = object()


class Form:
    """Asks for one answer.

    Args:
        schema: what an answer looks like.
        ask: shows a prompt, returns a line.
        say: shows a line.
    """

    def __init__(self, schema: Mapping[str, Any], ask: Ask, say: Say) -> None:
        self._root = schema
        self._ask = ask
        self._say = say

    def fill(self) -> Any:
        """Return an answer that fits."""
        while True:
            answer = self._value(self._root, "Answer")
            try:
                check_answer(answer, self._root)
            except TypeMismatchError as error:  # what concerns several fields at once
                self._say(f"{error} Once more.")
                continue
            return answer

    def _value(self, schema: Mapping[str, Any], label: str, *, is_optional: bool = False) -> Any:
        """Return a value for a part of the schema; what need not be given may be left out."""
        schema = resolved(schema, self._root)
        schema, may_be_null = self._without_null(schema)
        if is_optional or may_be_null or "default" in schema:
            return self._line(schema, label, is_optional=is_optional, may_be_null=may_be_null)
        if schema.get("type") == "object" and schema.get("properties"):
            return self._fields(schema, label)
        if (
            schema.get("type") == "array"
            and isinstance(schema.get("items"), dict)
            and "prefixItems" not in schema
        ):
            return self._items(schema, label)
        return self._line(schema, label, is_optional=False, may_be_null=False)

    def _fields(self, schema: Mapping[str, Any], label: str) -> dict[str, Any]:
        about = schema.get("description", "")
        if about:
            self._say(str(about).strip())
        required = schema.get("required") or ()
        found = {}
        for name, part in schema["properties"].items():
            shown = name if label == "Answer" else f"{label}.{name}"
            value = self._value(part, shown, is_optional=name not in required)
            if value is not _LEFT_OUT:
                found[name] = value
        return found

    def _items(self, schema: Mapping[str, Any], label: str) -> list[Any]:
        self._tell(schema, label)
        self._say(f"{label}: one item after the other; an empty line ends.")
        part = resolved(schema["items"], self._root)
        found: list[Any] = []
        while True:
            name = f"{label}[{len(found)}]" if label != "Answer" else f"Item {len(found) + 1}"
            if part.get("type") == "object" and part.get("properties"):
                more = self._ask(f"{name}: add one? (y, or an empty line) ").strip()
                item = self._value(part, name) if more else _LEFT_OUT
            else:
                item = self._line(part, name, is_optional=True, may_be_null=False)
            if item is not _LEFT_OUT:
                found.append(item)
            elif fits(found, {**schema, "items": True}, self._root):
                return found
            else:
                self._complain(found, {**schema, "items": True})

    def _line(self, schema: Mapping[str, Any], label: str, *, is_optional: bool, may_be_null: bool) -> Any:
        """Return what is typed in one line."""
        self._tell(schema, label)
        is_default = "default" in schema and schema["default"] is not None
        choices = schema.get("enum") or []
        for number, choice in enumerate(choices, 1):
            self._say(f"  {number}) {_typed(choice)}")
        hint = f"1-{len(choices)}" if choices else expected(schema, self._root)
        if schema.get("type") == "boolean":
            hint = "y/n"
        shown = (
            f"[{_typed(schema['default'])}]"
            if is_default
            else "empty for none"
            if is_optional or may_be_null
            else ""
        )
        prompt = f"{label} ({', '.join(part for part in (hint, shown) if part)}): "
        while True:
            text = self._ask(prompt)
            if not text.strip():
                if is_default:
                    return schema["default"]
                if is_optional:
                    return _LEFT_OUT
                if may_be_null:
                    return None
            value = parse(text, schema, self._root)
            if fits(value, schema, self._root):
                return value
            self._complain(value, schema)

    def _tell(self, schema: Mapping[str, Any], label: str) -> None:
        about = schema.get("description")
        if about and label != "Answer":
            self._say(f"{label}: {str(about).strip()}")

    def _complain(self, value: Any, schema: Mapping[str, Any]) -> None:
        try:
            check_answer(value, {**schema, "$defs": self._root.get("$defs", {})})
        except TypeMismatchError as error:
            self._say(str(error).replace("The answer is", "That is", 1))

    def _without_null(self, schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return what else than null a value may be, and whether it may be null."""
        options = schema.get("anyOf") or schema.get("oneOf") or ()
        others = [one for one in options if resolved(one, self._root).get("type") != "null"]
        if len(others) == len(options) or not others:
            return schema, False
        rest = {key: part for key, part in schema.items() if key not in ("anyOf", "oneOf")}
        if len(others) > 1:
            return {**rest, "anyOf": others}, True
        return {**resolved(others[0], self._root), **rest}, True


def parse(text: str, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """Return what a person means by a text; the text itself where it is nothing else."""
    schema = resolved(schema, root)
    stripped = text.strip()
    choices = schema.get("enum")
    if choices:
        for choice in choices:
            if stripped == _typed(choice):
                return choice
        is_number = stripped.isascii() and stripped.isdigit() and 1 <= int(stripped) <= len(choices)
        return choices[int(stripped) - 1] if is_number else stripped
    kind = schema.get("type")
    if kind == "boolean":
        word = stripped.lower()
        return True if word in _YES else False if word in _NO else stripped
    if kind == "string":
        return text
    try:
        value = json.loads(stripped)
    except ValueError:
        return text
    # A union with text: digits are the number only where one is asked for.
    return value if fits(value, schema, root) or not fits(text, schema, root) else text


def _typed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
