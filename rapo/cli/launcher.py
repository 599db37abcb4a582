"""A command as a job of a cluster: submitit hands it to SLURM, and to a process of this machine with cluster=local."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rapo import paths
from rapo.cli import options

_HERE = ("cluster", "wait")


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """Where a command is computed, if not in this process."""
    parser.add_argument("--launcher", choices=("submitit",), help="compute in a job of a cluster (SLURM)")
    parser.add_argument(
        "--launcher-set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of the job: timeout_min, gpus_per_node, tasks_per_node, slurm_partition, ...; cluster=local, wait=no",
    )


def chosen(args: argparse.Namespace, words: Sequence[str]) -> "Job | None":
    """The job that options ask for, with the words of the command that are left; none without ``--launcher``.

    The options are taken out of ``args``: they say where, not what.
    """
    launcher, given = args.launcher, args.launcher_set
    del args.launcher, args.launcher_set
    if launcher is None:
        if given:
            raise ValueError("--launcher-set belongs to --launcher submitit; say that too")
        return None
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    add_launcher(parser)
    return Job([args.command, *parser.parse_known_args(list(words))[1]], options.parse_settings(given))


@dataclass(frozen=True)
class Job:
    """A command of rapo and how its job is asked for."""

    words: list[str]
    settings: dict[str, Any]

    def run(self) -> int:
        """Submit it, wait for it unless told not to, print what it printed; its exit status.

        Raises:
            ImportError: submitit is not installed.
            ValueError: a setting is none of submitit's.
            RuntimeError: the job ended without a result.
        """
        try:
            import submitit
            from submitit.core.utils import UncompletedJobError
        except ImportError as error:
            raise ImportError("--launcher submitit needs the package submitit; pip install submitit") from error

        folder = paths.root() / "build" / "jobs"
        executor = submitit.AutoExecutor(folder, cluster=self.settings.get("cluster"))
        asked = {key: value for key, value in self.settings.items() if key not in _HERE}
        try:
            executor.update_parameters(name=f"rapo-{self.words[0]}", **asked)
        except NameError as error:
            raise ValueError(f"--launcher-set: {error}") from error
        job = executor.submit(Command(self.words))
        options.say(f"job {job.job_id} submitted; its logs: {job.paths.stdout.parent}", stderr=True)
        if self.settings.get("wait", True) is False:
            return 0
        try:
            told = job.results()
        except UncompletedJobError as error:
            raise RuntimeError(f"job {job.job_id} ended without a result: {str(error).strip()}") from error
        for status, printed, errors in told:
            sys.stdout.write(printed)
            sys.stderr.write(errors if status else "")
        return max(status for status, _, _ in told)


@dataclass(frozen=True)
class Command:
    """What a job computes; taken up again where it stopped after a time-out or when it had to make room."""

    words: list[str]

    def __call__(self) -> tuple[int, str, str]:
        """Run it, as one of several processes if the job has several tasks; its status and what it printed."""
        import submitit

        if submitit.JobEnvironment().num_tasks > 1:
            submitit.helpers.TorchDistributedEnvironment().export()
        done = subprocess.run(
            [sys.executable, "-m", "rapo", *self.words], capture_output=True, text=True, check=False
        )
        print(done.stdout, flush=True)
        print(done.stderr, file=sys.stderr, flush=True)
        return done.returncode, done.stdout, done.stderr

    def checkpoint(self) -> Any:
        """The same command again: every command goes on where it stopped."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)
