"""Studies compute with the same kernels wherever they run."""

import os
import subprocess
import sys

import pytest

from rapo.runs import processor


def test_what_is_set_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "")
    monkeypatch.delenv("ATEN_CPU_CAPABILITY")
    processor.pin()
    assert os.environ["MKL_CBWR"] == "COMPATIBLE"
    assert os.environ["ATEN_CPU_CAPABILITY"] == "avx2"


@pytest.mark.slow
def test_torch_takes_the_kernels_that_it_is_told() -> None:
    code = "import torch; torch.ones(9).sum(); print(torch.backends.cpu.get_cpu_capability())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "AVX2"
