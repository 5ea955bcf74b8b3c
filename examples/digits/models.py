"""The models that compete.

Steps import this module when they run, so a run that the cache answers never loads scikit-learn.
"""

from __future__ import annotations

import time
from typing import TypeVar

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

# The three models learn at once, so each gets one core. Left alone, linear algebra starts a thread for every
# core and every model; on data this small they wait for each other 30 times longer than they compute.
threadpool_limits(1)

Model = TypeVar("Model", LogisticRegression, SVC, RandomForestClassifier)


def linear(strength: float) -> LogisticRegression:
    """Return a logistic regression; `strength` is the inverse of its regularisation."""
    return LogisticRegression(C=strength, max_iter=1000)


def support_vectors(strength: float) -> SVC:
    """Return a support vector machine with a Gaussian kernel."""
    return SVC(C=strength, gamma="scale")


def forest(trees: int, seed: int) -> RandomForestClassifier:
    """Return a random forest."""
    return RandomForestClassifier(n_estimators=trees, random_state=seed)


def learn(
    model: Model, features: np.ndarray, digits: np.ndarray, unseen: np.ndarray
) -> tuple[Model, np.ndarray, float]:
    """Fit a model; return it, what it reads in the unseen images, and how many seconds it learnt."""
    started = time.perf_counter()
    model.fit(features, digits)
    seconds = time.perf_counter() - started
    return model, model.predict(unseen), seconds
