"""The function's own example, a search; then a network with a loss curve, and a fit that raises."""

from __future__ import annotations

import contextlib
import warnings

from digits import example, tell, test, train
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

import trackrecord
from trackrecord.adapters.sklearn import fit

if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    network = MLPClassifier((16,), max_iter=7, random_state=3)
    fit("milestone-1", network, *train, test=test, params={"note": "network"})
    tell(accuracy=network.score(*test), loss=network.loss_curve_)

    names = dict(zip(("X", "y", "X_test", "y_test"), (*train, *test), strict=True))
    names |= {"fit": fit, "GridSearchCV": GridSearchCV, "SVC": SVC}
    exec(example(fit), names)
    tell(accuracy=names["model"].score(*test), scores=list(names["model"].cv_results_["mean_test_score"]))

    with trackrecord.run("milestone-1", params={"note": "handed over"}) as run:
        fit(run, LogisticRegression(), *train)
    tell(run=run.id, name=run.name)

    with contextlib.suppress(ValueError):
        fit("milestone-1", LogisticRegression(C=-1.0), *train, params={"note": "broken"})
