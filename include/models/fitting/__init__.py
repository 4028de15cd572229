"""Fitting: an experiment becomes a model. The files, in order.

    launch            which experiments a run fits, of which lake snapshot; a subprocess for each
    arguments         the command line of `include.models.fit`, for subprocesses and pods alike
    compute           the device, its threads, and how many processes share a fit
    parameters        an experiment's parameters, checked against its family's
    xgb               the family `xgboost`: gradient boosted trees
    network_model     the family `torch`: fit, save, load, predict
    network           its layers
    network_training  its training loop; the best epoch is kept

Pods are made in `include.orchestration.pods`.
"""
