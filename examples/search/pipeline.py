"""Which network reads handwritten digits best, for the least training? A search that stops what is not worth going on.

    python examples/search/pipeline.py

All candidates learn for one round at the same time; the better half goes on from where it is, and so on. As soon as
one is good enough, the others are cancelled. How many steps there are is known when the search is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from zenml import as_completed, pipeline, step

if TYPE_CHECKING:  # a step loads it when it runs; a run that the cache answers never does
    from sklearn.neural_network import MLPClassifier

ROUNDS = (2, 4, 8, 16)
"""Epochs of each round."""

Images = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Digits = np.ndarray[tuple[int], np.dtype[np.int64]]
Settings = dict[str, Any]


@step
def split(
    seed: int,
) -> tuple[
    Annotated[Images, "images"],
    Annotated[Digits, "digits"],
    Annotated[Images, "unseen"],
    Annotated[Digits, "answers"],
]:
    """Load the images, and keep a third that nothing learns from."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    images, unseen, digits, answers = train_test_split(
        data.data / 16, data.target, test_size=1 / 3, random_state=seed, stratify=data.target
    )
    return images, digits, unseen, answers


@step
def propose(candidates: int, seed: int) -> dict[str, Settings]:
    """Draw settings at random; the same seed draws the same."""
    draw = np.random.default_rng(seed)
    return {
        f"candidate_{number}": {
            "hidden_layer_sizes": [int(draw.choice([8, 16, 32, 64, 128]))],
            "learning_rate_init": float(10 ** draw.uniform(-4, -1)),
            "alpha": float(10 ** draw.uniform(-6, 0)),
        }
        for number in range(1, candidates + 1)
    }


@step(
    runtime="isolated"
)  # a process each: they share no lock, and one that is not wanted any more can be ended
def learn(
    settings: Settings,
    data: tuple[Images, Digits, Images, Digits],
    epochs: int,
    model: MLPClassifier | None = None,
) -> tuple[Annotated[MLPClassifier, "model"], Annotated[float, "score"]]:
    """Learn for some epochs, from where the last round ended; return the share of unseen images that are read rightly."""
    from sklearn.neural_network import MLPClassifier

    images, digits, unseen, answers = data
    if model is None:
        model = MLPClassifier(**settings, random_state=0)
    for _ in range(epochs):
        model.partial_fit(images, digits, classes=range(10))
    return model, float(model.score(unseen, answers))


@pipeline(dynamic=True)
def search(
    candidates: int = 12, good_enough: float = 0.97, seed: int = 1
) -> Annotated[MLPClassifier, "best_reader"]:
    """Search until a candidate is good enough, or all rounds are over; return the best one."""
    data = split(seed)
    settings = propose(candidates, seed).load()
    models: dict[str, Any] = dict.fromkeys(settings)  # None before the first round
    best, best_score = next(iter(settings)), 0.0
    for number, epochs in enumerate(ROUNDS, start=1):
        futures = {
            name: learn.submit(settings[name], data, epochs, model, id=f"{name}_round_{number}")
            for name, model in models.items()
        }
        scores = {}
        for future in as_completed(futures.values()):
            name = next(name for name in futures if futures[name] is future)
            scores[name] = future["score"].load()
            if scores[name] >= good_enough:
                break  # before the slower ones are through
        best = max(scores, key=scores.__getitem__)
        best_score = scores[best]
        models = {name: future["model"] for name, future in futures.items()}
        if best_score >= good_enough:
            cancelled = [name for name, future in futures.items() if future.cancel()]
            print(
                f"Round {number}: {best} is good enough with {best_score:.1%}; {len(cancelled)} were cancelled."
            )
            break
        ranked = sorted(models, key=scores.__getitem__, reverse=True)
        models = {name: models[name] for name in ranked[: max(1, len(ranked) // 2)]}
        print(f"Round {number}: {best} leads with {best_score:.1%}; {len(models)} of {len(ranked)} go on.")
    print(f"The best: {settings[best]}")
    return models[best]


if __name__ == "__main__":
    run = search()
    print(f"{len(run.steps)} steps. The whole run: zenml run show {run.id[-8:]}")
