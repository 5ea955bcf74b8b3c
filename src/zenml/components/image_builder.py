"""The interface of an image builder: it makes a container image of a build context.

What is in the context, and what the image is called, is decided elsewhere (`zenml.components.image_plan`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping


class ImageBuilder(ABC):
    """Builds images, and knows which are there; `zenml.components.image_builder_check` holds what each must do.

    Attributes:
        tell: takes each line of a build for people, if somebody set it.
    """

    tell: Callable[[str], None] | None = None

    @abstractmethod
    def build(
        self,
        context: str,
        tag: str,
        *,
        dockerfile: str = "Dockerfile",
        options: Mapping[str, str | tuple[str, ...]] | None = None,
    ) -> str:
        """Build the image of a context and name it; return the name that runs it.

        Args:
            context: a folder that holds the Dockerfile and everything that it copies.
            tag: the name of the image, `repository:tag`.
            dockerfile: the name of the Dockerfile in the context.
            options: what the plan of the image asks for, by the flags of `docker build`, such as `platform`; "" for
                a flag without a value, a tuple for one that is repeated, such as `build-arg`.

        Raises:
            ComponentError: no engine is there, or the build failed; the end of its output is in the message.
        """

    @abstractmethod
    def has(self, tag: str) -> bool:
        """Tell whether there is an image of this name already."""

    @abstractmethod
    def push(self, tag: str) -> str:
        """Send an image to the registry that its name begins with; return the name with its digest."""
