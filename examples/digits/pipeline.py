"""Which model reads handwritten digits best? Three learn in parallel, the best one gets a report.

    python examples/digits/pipeline.py

The data is scikit-learn's own set of 1,797 images, so nothing is downloaded.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

from features import Digits, Images, pixels, strokes
from report import Scores, as_png, draw_confusion, draw_misread, score, write_page
from zenml import pipeline, step
from zenml.types import HTMLString

if TYPE_CHECKING:  # a step loads these when it runs; a run that the cache answers never does
    from matplotlib.figure import Figure
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC
    from zenml.views.run_view import RunView

MODELS = {"linear": "logistic regression", "svm": "support vectors", "forest": "random forest"}
OUTPUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "output")


@step
def load() -> tuple[Annotated[Images, "images"], Annotated[Digits, "digits"]]:
    """Load all images, and the digit that each one shows."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.images, data.target


@step
def split(
    images: Images, digits: Digits, test_share: float = 0.3, seed: int = 1
) -> tuple[
    Annotated[Images, "train_images"],
    Annotated[Images, "test_images"],
    Annotated[Digits, "train_digits"],
    Annotated[Digits, "test_digits"],
]:
    """Keep a share of the images, of each digit alike, that no model sees while it learns."""
    from sklearn.model_selection import train_test_split

    train, test, train_digits, test_digits = train_test_split(
        images, digits, test_size=test_share, random_state=seed, stratify=digits
    )
    return train, test, train_digits, test_digits


@step
def train_linear(
    images: Images, digits: Digits, unseen: Images, strength: float = 1.0
) -> tuple[
    Annotated[LogisticRegression, "model"], Annotated[Digits, "predictions"], Annotated[float, "seconds"]
]:
    import models

    return models.learn(models.linear(strength), pixels(images), digits, pixels(unseen))


@step
def train_svm(
    images: Images, digits: Digits, unseen: Images, strength: float = 5.0
) -> tuple[Annotated[SVC, "model"], Annotated[Digits, "predictions"], Annotated[float, "seconds"]]:
    import models

    return models.learn(models.support_vectors(strength), pixels(images), digits, pixels(unseen))


@step
def train_forest(
    images: Images, digits: Digits, unseen: Images, trees: int = 200, seed: int = 1
) -> tuple[
    Annotated[RandomForestClassifier, "model"], Annotated[Digits, "predictions"], Annotated[float, "seconds"]
]:
    import models

    return models.learn(models.forest(trees, seed), strokes(images), digits, strokes(unseen))


@step
def evaluate(digits: Digits, predictions: Digits) -> Annotated[Scores, "scores"]:
    return score(digits, predictions)


@step
def choose_best(
    scores: list[Scores], predictions: list[Digits]
) -> tuple[Annotated[str, "best"], Annotated[Digits, "best_predictions"]]:
    """Return the name of the most accurate model, and what it read."""
    by_accuracy = [found.accuracy for found in scores]
    winner = by_accuracy.index(max(by_accuracy))
    return list(MODELS.values())[winner], predictions[winner]


@step
def draw(
    images: Images, digits: Digits, predictions: Digits, model: str
) -> tuple[Annotated[Figure, "confusion"], Annotated[Figure, "misread"]]:
    return draw_confusion(digits, predictions, model), draw_misread(images, digits, predictions)


@step
def write_report(
    scores: list[Scores], best: str, confusion: Figure, misread: Figure
) -> Annotated[HTMLString, "report"]:
    return write_page(dict(zip(MODELS.values(), scores, strict=True)), best, confusion, misread)


@pipeline
def digits() -> None:
    images, labels = load()
    train, test, train_labels, test_labels = split(images, labels)

    _, by_linear, _ = train_linear(train, train_labels, test)
    _, by_svm, _ = train_svm(train, train_labels, test)
    _, by_forest, _ = train_forest(train, train_labels, test)
    predictions = [by_linear, by_svm, by_forest]
    scores = [evaluate(test_labels, found, id=f"evaluate_{name}") for name, found in zip(MODELS, predictions, strict=True)]

    best, best_predictions = choose_best(scores, predictions)
    confusion, misread = draw(test, test_labels, best_predictions, best)
    write_report(scores, best, confusion, misread)


def print_table(run: RunView) -> None:
    """Print what the run found; every number is read back from the run's artifacts."""
    best = run.steps["choose_best"].outputs["best"].load()
    print(f"\n{'model':<22}{'accuracy':>9}{'macro F1':>10}{'seconds':>9}")
    for name, title in MODELS.items():
        scores: Scores = run.steps[f"evaluate_{name}"].outputs["scores"].load()
        seconds: float = run.steps[f"train_{name}"].outputs["seconds"].load()
        mark = "  best" if title == best else ""
        print(f"{title:<22}{scores.accuracy:>9.3f}{scores.macro_f1:>10.3f}{seconds:>9.2f}{mark}")


def save_report(run: RunView) -> str:
    """Write the report and its picture as files; return where the report is."""
    os.makedirs(OUTPUT, exist_ok=True)
    page: HTMLString = run.steps["write_report"].outputs["report"].load()
    path = os.path.join(OUTPUT, "report.html")
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)
    return os.path.relpath(path)


def main() -> None:
    run = digits()
    print_table(run)


if __name__ == "__main__":
    main()
