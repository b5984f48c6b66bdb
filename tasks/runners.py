"""Where batches of files are read: in processes of this machine, in Prefect's threads or processes, or on a
cluster of Dask or Ray, as the setting `task_runner` says."""

from typing import Any

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from errors import NotConfigured

Runner = TaskRunner[Any]
FORMS = "threads, processes, dask, dask=ADDRESS, ray or ray=ADDRESS"


def runner_of(setting: str) -> Runner | None:
    """`dask` and `ray` start a cluster on this machine, with an address they join one. None by default.

    Raises NotConfigured for another word and where the library is missing.
    """
    kind, _, address = setting.strip().partition("=")
    match kind, bool(address):
        case "", False:
            return None
        case "threads", False:
            return ThreadPoolTaskRunner()
        case "processes", False:
            return ProcessPoolTaskRunner()
        case "dask", _:
            return _dask(address)
        case "ray", _:
            return _ray(address)
    raise NotConfigured(f"There is no task runner “{setting}”.", f"LUTHIER_TASK_RUNNER is one of {FORMS}.")


def _dask(address: str) -> Runner:
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise _lacking("Dask", "dask") from error
    return DaskTaskRunner(address=address) if address else DaskTaskRunner(cluster_kwargs={"processes": True})


def _ray(address: str) -> Runner:
    try:
        from prefect_ray import RayTaskRunner
    except ImportError as error:
        raise _lacking("Ray", "ray") from error
    return RayTaskRunner(address=address) if address else RayTaskRunner()


def _lacking(name: str, extra: str) -> NotConfigured:
    return NotConfigured(
        f"The task runner is {name}, which is not installed.",
        f"pip install -e '.[{extra}]', here and on its workers.",
    )
