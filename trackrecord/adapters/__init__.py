"""Small guests in other frameworks: each file here teaches one of them to record what it trains.

    from trackrecord.adapters.lightning import TrackrecordLogger
    Trainer(logger=TrackrecordLogger("milestone-1"))

and in the same way `TrackrecordCallback` of `adapters.keras`, `adapters.transformers` and `adapters.optuna` (a run for
every trial), and `fit` of `adapters.sklearn`.

Every adapter takes a project's name or a run. Given a name it starts the run when the training begins, because its
parameters are known then, and leaves it open, so that a test after the training is part of it: the run ends with
`trackrecord.finish()`, with the next `start()`, or with the script. Given a run it writes to that one, and whoever
opened it ends it.
"""
