"""The pages of flavors in docs/flavors/: made from the source of each flavor and its example in docs/flavors/examples/.

`docs/make_reference.py` writes them. An example is written by hand, and executed by a test.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from zenml.components.flavor import fields_of
from zenml.components.kinds import INTERFACES, words, words_for_many
from zenml.components.registry import BUILT_IN, load_flavor
from zenml.config.settings import COMPONENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.components.flavor import ConfigClass, FieldText, Flavor

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flavors")
NOTE = "<!-- Made by docs/make_reference.py from the source and from examples/{name}.md; edit those. -->"
TESTED = "Tested "
"""How the paragraph of a flavor's text begins that says what it was tried with."""


def page_name(kind: str, name: str) -> str:
    """Return the name of the page of a flavor, without its ending: `artifact-store-s3`."""
    return f"{kind.replace('_', '-')}-{name}"


def example_of(name: str) -> str:
    """Return the example of a page, as it is in its file."""
    with open(os.path.join(FOLDER, "examples", f"{name}.md"), encoding="utf-8") as file:
        return file.read().strip()


def flavor_page(flavor: Flavor) -> str:
    """Return the page of a flavor."""
    name = page_name(flavor.type, flavor.name)
    about, tested = _without_test_note(flavor.docs)
    blocks = [
        NOTE.format(name=name),
        f"# {words(flavor.type).capitalize()} `{flavor.name}`",
        about,
        *_needs(flavor),
        "## Configuration",
        *_fields(flavor.config, "There is nothing to configure."),
        "## Settings of a message" if flavor.type == "alerter" else "## Settings of a step",
        *_settings(flavor),
        "## Example",
        example_of(name),
        "## How it was tested",
        tested,
        f"[All flavors](index.md) · `zenml {flavor.type.replace('_', '-')} flavors {flavor.name}` prints what is above",
    ]
    return "\n\n".join(blocks) + "\n"


def index_page() -> str:
    """Return the page that lists all flavors."""
    intro = (
        "A component of a [stack](../how-to/stacks.md) has a type, which says what it does, and a flavor, which says with "
        "what. Each page has all fields, and an example that a test executes. "
        "[Write one of your own](../how-to/write-a-flavor.md)."
    )
    blocks = [NOTE.replace(" and from examples/{name}.md; edit those", "; edit that"), "# Flavors", intro]
    for kind in INTERFACES:
        rows = ["| flavor | what it does | install |", "|---|---|---|"]
        for other, name in BUILT_IN:
            if other == kind:
                flavor = load_flavor(kind, name)
                install = f"`{flavor.install}`" if flavor.install else "nothing"
                first = _cell(flavor.docs.partition("\n")[0])
                rows.append(f"| [`{name}`]({page_name(kind, name)}.md) | {first} | {install} |")
        title = f"## {words_for_many(kind).capitalize()}: what {COMPONENT_TYPES[kind]}"
        blocks += [title, "\n".join(rows)]
    return "\n\n".join(blocks) + "\n"


def pages() -> dict[str, str]:
    """Return all pages by the name of their file."""
    found = {f"{page_name(*key)}.md": flavor_page(load_flavor(*key)) for key in BUILT_IN}
    return {"index.md": index_page(), **found}


def write() -> None:
    """Write all pages."""
    for name, text in pages().items():
        with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as file:
            file.write(text)


def _without_test_note(docs: str) -> tuple[str, str]:
    """Return the text of a flavor without the paragraph on how it was tested, and that paragraph."""
    paragraphs = docs.split("\n\n")
    tested = [one for one in paragraphs if one.startswith(TESTED)]
    return "\n\n".join(one for one in paragraphs if one not in tested), "\n\n".join(tested)


def _needs(flavor: Flavor) -> Iterator[str]:
    if flavor.install and flavor.install not in flavor.docs:
        yield f"Install: `{flavor.install}`"
    if flavor.requirements:
        yield f"It needs {', '.join(f'`{one}`' for one in flavor.requirements)}."
    if flavor.capabilities:
        yield f"Capabilities: {', '.join(f'`{one}`' for one in sorted(flavor.capabilities))}."


def _settings(flavor: Flavor) -> Iterator[str]:
    if flavor.settings is None or not fields_of(flavor.settings):
        yield "There is nothing to set."
        return
    if flavor.type == "alerter":
        yield "Given with a message, as `params` of `post` and `ask`."
    else:
        yield f"Given under the key `{flavor.type}.{flavor.name}`, or `{flavor.type}` for whatever flavor the stack has."
    yield from _fields(flavor.settings, "")


def _fields(config: ConfigClass, without: str) -> Iterator[str]:
    fields = fields_of(config)
    if not fields:
        yield without
        return
    rows = ["| field | type | default | what |", "|---|---|---|---|"]
    rows += [
        f"| `{one.name}` | {_cell(one.type)} | {_default(one)} | {_cell(_about(one))} |" for one in fields
    ]
    yield "\n".join(rows)


def _default(field: FieldText) -> str:
    if field.is_required:
        return "**required**"
    if field.default is None or field.default in ("", (), {}, []):
        return "–"  # noqa: RUF001  # nothing, as tables show it
    return f"`{_cell(_plain(field.default))}`"


def _about(field: FieldText) -> str:
    examples = ", ".join(f"`{_plain(one)}`" for one in field.examples)
    parts = [
        field.description,
        f"Such as {examples}." if examples else "",
        "**Secret.**" if field.is_secret else "",
    ]
    return " ".join(part for part in parts if part)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
