"""An existing cluster as joblib's backend, by configuration alone: ``RAPO_BACKEND`` names it."""

import os

VARIABLE = "RAPO_BACKEND"
_configured: list[object] = []  # joblib's setting, which lasts as long as it is held


def configure() -> None:
    """Let joblib compute on the cluster that the environment names; nothing where it names none, or it is done.

    ``dask``: the scheduler of ``DASK_SCHEDULER_ADDRESS`` (or Dask's configuration), else a cluster on this machine;
    ``ray``: the cluster of ``RAY_ADDRESS``, else one on this machine. What a caller told joblib himself comes first.

    Raises:
        ValueError: the variable names something else.
        ImportError: the engine is not installed.
    """
    import joblib
    from joblib.parallel import get_active_backend

    name = os.environ.get(VARIABLE, "")
    if not name or _configured or type(get_active_backend()[0]).__name__ != "LokyBackend":
        return
    if name not in _REGISTER:
        raise ValueError(f"{VARIABLE} is {name!r}; use {' or '.join(_REGISTER)}")
    try:
        kept = _REGISTER[name]()
    except ImportError as error:
        package = {"dask": "'dask[distributed]'", "ray": "ray"}[name]
        raise ImportError(f"{VARIABLE}={name} needs {name}; pip install {package}") from error
    _configured.extend([joblib.parallel_config(backend=name), kept])


def _dask() -> object:
    from distributed import Client, default_client

    try:
        return default_client()
    except ValueError:  # nobody has made one
        return Client()


def _ray() -> object:
    import ray
    from ray.util.joblib import register_ray

    if not ray.is_initialized():  # its backend counts the cluster's processors before it would begin one
        ray.init()
    return register_ray()


_REGISTER = {"dask": _dask, "ray": _ray}
