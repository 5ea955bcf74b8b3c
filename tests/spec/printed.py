"""Running snippets as they are printed in the documents."""

import textwrap

TITLE = "from zenml import pipeline, step\n"


def run_snippets(lab, *parts, **options):
    """Run snippets and what is added around them, in this order, as one script."""
    return lab.run("\n".join([TITLE, *map(textwrap.dedent, parts)]), **options)
