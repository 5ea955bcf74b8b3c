"""Which model reads handwritten digits best? Three learn in parallel, the best one gets a report.

    python examples/digits/pipeline.py

The data is scikit-learn's own set of 1,797 images, so nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Annotated

from features import Digits, Images, pixels, strokes
from report import Scores, draw_confusion, draw_misread, score, write_page

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
def load_images() -> tuple[Annotated[Images, "images"], Annotated[Digits, "digits"]]:
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
def compare_models() -> None:
    images, digits = load_images()
    train, test, train_digits, test_digits = split(images, digits)

    _, by_linear, _ = train_linear(train, train_digits, test)
    _, by_svm, _ = train_svm(train, train_digits, test)
    _, by_forest, _ = train_forest(train, train_digits, test)

    predictions = {"linear": by_linear, "svm": by_svm, "forest": by_forest}
    scores = [evaluate(test_digits, read, id=f"evaluate_{name}") for name, read in predictions.items()]
    best, best_predictions = choose_best(scores, list(predictions.values()))
    confusion, misread = draw(test, test_digits, best_predictions, best)
    write_report(scores, best, confusion, misread)


def main() -> None:
    run = compare_models()
    print_table(run)
    if all(found.status == "cached" for found in run.steps.values()):
        milliseconds = ((run.end_time or run.start_time) - run.start_time).total_seconds() * 1000
        print(f"\nall {len(run.steps)} steps cached in {milliseconds:.0f} ms")
    run_id = run.id[-8:]  # the last digits of an id are enough
    print(f"\nNext:   zenml run show {run_id}")
    print(f"        zenml step why {run_id} train_forest")
    print(f"Report: {save_report(run)}")


def print_table(run: RunView) -> None:
    """Print how the models did; every number is read back from what the run stored."""
    best: str = run.steps["choose_best"].outputs["best"].load()
    print(f"\n{'model':<22}{'accuracy':>8}{'macro F1':>11}{'seconds':>10}")
    for name, title in MODELS.items():
        scores: Scores = run.steps[f"evaluate_{name}"].outputs["scores"].load()
        seconds: float = run.steps[f"train_{name}"].outputs["seconds"].load()
        mark = "  best" if title == best else ""
        print(f"{title:<22}{scores.accuracy:>8.3f}{scores.macro_f1:>11.3f}{seconds:>10.2f}{mark}")


def save_report(run: RunView) -> str:
    """Write the report, and the picture of its best model, as files; return the path of the report."""
    os.makedirs(OUTPUT, exist_ok=True)
    confusion = run.steps["draw"].outputs["confusion"]
    # A figure is stored with a picture of itself, so nothing has to be drawn again.
    (picture,) = confusion.metadata["visualizations"]
    shutil.copyfile(os.path.join(confusion.uri, picture), os.path.join(OUTPUT, "confusion.png"))
    path = os.path.join(OUTPUT, "report.html")
    with open(path, "w", encoding="utf-8") as file:
        file.write(run.steps["write_report"].outputs["report"].load())
    return os.path.relpath(path)


if __name__ == "__main__":
    main()
