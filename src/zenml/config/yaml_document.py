"""A YAML file as plain values, with the line of every key.

The file is read event by event: a document cannot make objects, and cannot grow beyond its
limits, however its aliases multiply.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import yaml

from zenml.config.fields import nearest
from zenml.config.preview import preview
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.config.placeholders import Path

MOST_BYTES = 1 << 20
MOST_VALUES = 10_000
"""Values in a document after its aliases were followed."""
MOST_DEPTH = 100
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "tag:yaml.org,2002:merge"


class YamlDocument:
    """What a file says.

    Attributes:
        name: the file, as it was given.
        value: its content: mappings with text keys, lists, texts, numbers, dates, None.
        lines: the line of every key and item, by its path.
        problems: what is wrong with it, by line.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines: dict[Path, int] = {}
        self.problems: list[tuple[int, str]] = []
        self._merges = 0  # that are being followed: they go deeper without making the path longer
        self.value = self._build(_Reader(name, text).root, (), 1)[0]

    def line_of(self, path: Path) -> int:
        """Return the line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def _build(self, node: Any, path: Path, count: int) -> tuple[Any, int]:
        """Return the value of a node, and how many values there are so far."""
        if count > MOST_VALUES:
            raise ConfigurationError(
                f"{self.name} comes to more than {MOST_VALUES} values when its aliases are followed. Shorten it."
            )
        if len(path) + self._merges > MOST_DEPTH:
            raise ConfigurationError(f"{self.name} is nested deeper than {MOST_DEPTH} levels. Flatten it.")
        if isinstance(node, _Mapping):
            return self._build_mapping(node, path, count)
        if isinstance(node, list):
            items = []
            for index, (line, item) in enumerate(node):
                self.lines[*path, index] = line
                value, count = self._build(item, (*path, index), count + 1)
                items.append(value)
            return items, count
        return "<<" if node == _MERGE else node, count

    def _build_mapping(self, node: _Mapping, path: Path, count: int) -> tuple[dict[str, Any], int]:
        result: dict[str, Any] = {}
        own: dict[str, int] = {}
        for line, key, item in node.items:
            if key == _MERGE:
                self._merges += 1
                for source in item if isinstance(item, list) else [(line, item)]:
                    value, count = self._build(source[1], path, count + 1)
                    if isinstance(value, dict):
                        result = {**value, **result}
                    else:
                        self.problems.append((line, "`<<` merges something that is no mapping"))
                self._merges -= 1
                continue
            if not isinstance(key, str):
                shown = str(key).lower() if isinstance(key, bool) else key
                self.problems.append(
                    (line, f"a key is {shown!r}, which YAML does not read as text; quote it")
                )
                continue
            if key in own:
                self.problems.append((line, f"`{key}` is given twice, first in line {own[key]}; keep one"))
                continue
            own[key] = self.lines[*path, key] = line
            result[key], count = self._build(item, (*path, key), count + 1)
        return result, count


class _Mapping:
    """A mapping as it is written: lines, keys and values, one after the other."""

    def __init__(self) -> None:
        self.items: list[tuple[int, Any, Any]] = []


class _Reader:
    """Turns events into mappings, lists and scalars; an alias is the very thing that its anchor marks."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._anchors: dict[str, Any] = {}
        try:
            self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
            self.root = self._document()
        except yaml.YAMLError as error:
            mark: Any = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark is not None else ""
            begins = text.splitlines()[mark.line : mark.line + 1] if mark is not None else []
            remedy = (
                "Indent with spaces, not with a tab." if begins and "\t" in begins[0] else "Repair the line."
            )
            raise ConfigurationError(
                f"{name}{line} is not YAML: {getattr(error, 'problem', None) or error}. {remedy}"
            ) from error

    def _document(self) -> Any:
        root: Any = None
        stack: list[Any] = []
        keys: list[tuple[int, Any] | None] = []
        documents = 0
        for event in self._events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(event, "begins a second document; keep one")
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                stack.pop()
                keys.pop()
            elif isinstance(event, yaml.NodeEvent):
                node = self._node(event)
                if not stack:
                    root = node
                elif isinstance(stack[-1], list):
                    stack[-1].append((line, node))
                elif keys[-1] is None:
                    if isinstance(node, (_Mapping, list)):
                        self._refuse(event, "has a key that is no text; write a word")
                    # YAML takes the word `on` for a truth value; as a key it is an option of schedules.
                    keys[-1] = (line, "on" if getattr(event, "value", None) == "on" else node)
                else:
                    stack[-1].items.append((*keys[-1], node))
                    keys[-1] = None
                if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                    stack.append(node)
                    keys.append(None)
                    if len(stack) > MOST_DEPTH:
                        self._refuse(event, f"is nested deeper than {MOST_DEPTH} levels; flatten it")
        return root

    def _node(self, event: Any) -> Any:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                self._refuse(event, f"uses the alias `*{event.anchor}`, which no anchor marks")
            return self._anchors[str(event.anchor)]
        if event.tag is not None:
            self._refuse(event, f"has the tag `{event.tag}`; write a plain value")
        if isinstance(event, yaml.MappingStartEvent):
            node: Any = _Mapping()
        elif isinstance(event, yaml.SequenceStartEvent):
            node = []
        else:
            node = self._scalar(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> Any:
        try:
            return _read_scalar(event.value, event.implicit)
        except (ValueError, OverflowError):
            self._refuse(event, f"has the value `{event.value}`, which YAML cannot read; quote it")

    def _refuse(self, event: Any, text: str) -> None:
        raise ConfigurationError(f"{self._name}:{event.start_mark.line + 1} {text}.")


def read_document(path: str | os.PathLike[str]) -> YamlDocument:
    """Read a YAML file.

    Raises:
        ConfigurationError: it is not there, not text, not YAML, or too large.
    """
    if not isinstance(path, (str, os.PathLike)) or "\0" in os.fspath(path):
        raise ConfigurationError(
            f"The configuration file (`config_path` or `config_file`) is {preview(path)}, which is no path of a file. "
            "Options in a mapping are given as `with_options(**options)`."
        )
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(_unreadable(name, error)) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"Configuration file `{name}` is not UTF-8 text. Save it as UTF-8."
        ) from error
    if len(data) > MOST_BYTES:
        raise ConfigurationError(f"Configuration file `{name}` is larger than 1 MiB. Shorten it.")
    return YamlDocument(name, text)


def _unreadable(name: str, error: OSError) -> str:
    """Return why a file cannot be read, and which one is close."""
    if isinstance(error, IsADirectoryError):
        return f"Configuration file `{name}` is a folder. Give the path of a file in it."
    folder, file = os.path.split(name)
    try:
        close = nearest(file, os.listdir(folder or "."))
    except OSError:
        close = None
    hint = f"Did you mean `{os.path.join(folder, close)}`? " if close else ""
    what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
    return f"Configuration file `{name}` {what}. {hint}Paths are relative to `{os.getcwd()}`."


def read_scalar(text: str) -> Any:
    """Return a text as YAML reads it where it stands alone: a number, a truth value, a date, None, or text."""
    try:
        return _read_scalar(text, (True, False))
    except (ValueError, OverflowError):
        return text


_RESOLVER = yaml.resolver.Resolver()
_CONSTRUCTOR = yaml.constructor.SafeConstructor()


def _read_scalar(text: str, implicit: tuple[bool, bool]) -> Any:
    tag = _RESOLVER.resolve(  # type: ignore[no-untyped-call]  # it is not in the stubs
        yaml.ScalarNode, text, implicit
    )
    if tag == _MERGE:
        return _MERGE
    if tag == "tag:yaml.org,2002:value":
        return text
    # `construct_object` would remember every value that it ever made.
    return _CONSTRUCTOR.yaml_constructors[tag](_CONSTRUCTOR, yaml.ScalarNode(tag, text))
