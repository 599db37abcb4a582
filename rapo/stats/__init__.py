"""Numbers to intervals and regressions: numpy and scipy, nothing else."""
