"""Where to compute, in what precision and with how many threads."""

import contextlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from errors import NotConfigured
from providers.gpu.options import Options

if TYPE_CHECKING:
    import torch

# What a process that trains is started with, since libraries read it then. Threads of libgomp that wait spin
# for an instant: for long, and they take the processor from whoever else needs it; not at all, and one has to
# be woken for each of a step's thousands of short operations. glibc keeps what a step has freed for the next,
# in large pages where the machine gives them.
ENVIRONMENT = {
    "GOMP_SPINCOUNT": "5000",
    "GLIBC_TUNABLES": ":".join(
        f"glibc.malloc.{name}={value}"
        for name, value in {"hugetlb": 1, "mmap_threshold": 2**25, "trim_threshold": 2**32}.items()
    ),
}


NO_MEMORY = ("can't allocate memory", "could not create a primitive", "could not create a memory")


@dataclass(frozen=True)
class Device:
    """`name` as torch knows it; `precision` of the frozen weights. The adapter is always float32."""

    name: str
    precision: str
    threads: int

    @property
    def is_cuda(self) -> bool:
        return self.name.startswith("cuda")

    @property
    def dtype(self) -> "torch.dtype":
        import torch

        return torch.bfloat16 if self.precision == "bfloat16" else torch.float32


def processes(options: Options) -> int:
    """How many train together. Raises NotConfigured if there are not as many GPUs as asked for."""
    import torch

    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if cards and (options.processes or 1) > cards:
        raise NotConfigured(
            f"{options.processes} processes were asked for, and this machine shows {cards} GPUs.",
            "Leave the option processes out: then there is one for each GPU.",
        )
    return options.processes or max(1, cards)


def choose(options: Options, stored: str | None, rank: int = 0, count: int = 1) -> Device:
    """The device for a base whose weights are stored as `stored` (a dtype's name, None if unknown), of the
    process of that rank among `count` that train together.

    A base stored in float32 stays so, and computes as it would anywhere else; others become bfloat16 where
    the processor multiplies it natively, and float32 where it would only emulate it.
    """
    import torch

    name = f"cuda:{rank}" if torch.cuda.is_available() else "cpu"
    native = torch.cuda.is_bf16_supported() if name != "cpu" else has_bfloat16()
    automatic = "bfloat16" if native and stored != "float32" else "float32"
    precision = automatic if options.precision == "auto" else options.precision
    threads = options.threads or usable_processors()
    return Device(name, precision, max(1, threads // count))


def settle(device: Device) -> None:
    """Set the number of threads for this process."""
    import torch

    torch.set_num_threads(device.threads)


def is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA raises a class of its own, the processor's allocator and oneDNN only words."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or any(said in str(error) for said in NO_MEMORY)


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX-512 or AMX on x86, the extension on ARM)."""
    try:
        words = set(cpuinfo.read_text("utf-8", "replace").split())
    except OSError:
        return False
    return not words.isdisjoint({"amx_bf16", "avx512_bf16", "bf16"})


def usable_processors(cgroup: Path = Path("/sys/fs/cgroup"), allowed: int | None = None) -> int:
    """Processors that this process may use: by its affinity, and the quota of its container."""
    return max(1, math.ceil(min(allowed or _affinity(), _quota(cgroup))))


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota(cgroup: Path) -> float:
    """Processors by the cgroup's quota (version 2, then 1); infinite where there is none."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return math.inf
    return int(quota) / int(period) if quota.lstrip("-").isdigit() and int(quota) > 0 else math.inf


def free_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Bytes that this process may still take: of the machine, and of what its container is allowed."""
    import psutil

    limit, used = _allowance(cgroup)
    return min(float(psutil.virtual_memory().available), max(0.0, limit - used))


def whole_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Bytes of the machine, or of its container; the same whatever else runs."""
    import psutil

    return min(float(psutil.virtual_memory().total), _allowance(cgroup)[0])


def _allowance(cgroup: Path) -> tuple[float, float]:
    """The cgroup's limit of memory (version 2, then 1), infinite where there is none, and what is used."""
    files = [("memory.max", "memory.current")]
    files += [("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")]
    for limit, used in files:
        with contextlib.suppress(OSError, ValueError):
            return float((cgroup / limit).read_text()), float((cgroup / used).read_text())
    return math.inf, 0.0


def wants_four_bit(options: Options, device: Device, weight_bytes: float, model_type: str) -> bool:
    """Whether to load the base in 4 bits. Raises NotConfigured if that is asked for and impossible.

    Qwen3.5's linear attention loses too much in 4 bits, so it is never chosen for it unasked.
    """
    import importlib.util

    import torch

    possible = device.is_cuda and importlib.util.find_spec("bitsandbytes") is not None
    if options.quantize == "4bit" and not possible:
        raise NotConfigured(
            "Training in 4 bits needs an NVIDIA GPU and the Python package bitsandbytes.",
            "Install it (pip install -e '.[qlora]'), or set the option quantize to none.",
        )
    if options.quantize != "auto" or not possible or "qwen3_5" in model_type:
        return options.quantize == "4bit"
    return weight_bytes > 0.6 * torch.cuda.mem_get_info()[0]


def described() -> str:
    """What this machine trains on, in words."""
    import torch

    if not torch.cuda.is_available():
        return f"no NVIDIA GPU is seen; {usable_processors()} processors, torch {torch.__version__}."
    cards = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    named = ", ".join(f"{card.name} ({card.total_memory / 1e9:.0f} GB)" for card in cards)
    return f"{named}, torch {torch.__version__}."
