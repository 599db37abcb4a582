"""The same sums on every processor: which kernels the processes of a study compute with.

Rounding alone makes another base model: training is chaotic. Libraries choose kernels by the processor that they find;
told to use those of AVX2, which every x86 processor of the last ten years has, they choose the same everywhere. On two
Intel machines the weights of three small models came out equal to the last bit, with these settings and without; one
with a processor of another maker was not at hand. A tiny model loses nothing: in training on one core of a processor
with AMX it takes 25,000 tokens a second, 22,000 with AVX-512, and 12,000 where nothing is said (there fast products
would round to bf16 and stay closed; see `rapo.models.fast_cpu`).
"""

import os
import platform
from pathlib import Path

KERNELS = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # products and convolutions
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops
    "MKL_CBWR": "AVX2",  # small products, where oneDNN is not used
}


def name() -> str:
    """The processor's name, as its maker tells it, and how many cores the system has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    told = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{told or platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def pin() -> None:
    """Tell libraries that are not loaded yet; what is set already stays. They read it once, when they compute first."""
    for name, value in KERNELS.items():
        os.environ.setdefault(name, value)
