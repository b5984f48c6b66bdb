from pathlib import Path

import pytest

from providers.gpu import device
from providers.gpu.options import Options


@pytest.mark.parametrize(
    ("content", "expected"), [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1), ("0 100000", 4)]
)
def test_the_quota_of_the_container_limits_the_threads(tmp_path: Path, content: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(content + "\n")
    assert device.usable_processors(tmp_path, allowed=4) == expected


def test_the_older_kind_of_quota_is_known_too(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("200000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert device.usable_processors(tmp_path, allowed=4) == 2
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("-1\n")
    assert device.usable_processors(tmp_path, allowed=4) == 4


def test_the_memory_that_is_free_is_what_the_container_leaves(tmp_path: Path) -> None:
    of_the_machine = device.free_memory(tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("100\n")
    assert device.free_memory(tmp_path) > 0.5 * of_the_machine > 300
    (tmp_path / "memory.max").write_text("400\n")
    assert device.free_memory(tmp_path) == 300
    assert device.whole_memory(tmp_path) == 400
    (tmp_path / "memory.current").write_text("500\n")
    assert device.free_memory(tmp_path) == 0
    assert device.whole_memory(tmp_path) == 400


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx512f amx_bf16", True), ("fpu avx512_bf16", True), ("fp asimd bf16", True), ("fpu avx2", False)],
)
def test_bfloat16_is_found_in_the_processor_s_flags(tmp_path: Path, flags: str, expected: bool) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor : 0\nflags : {flags}\n")
    assert device.has_bfloat16(info) is expected
    assert not device.has_bfloat16(tmp_path / "none")


def test_a_base_stored_in_float32_stays_so() -> None:
    assert device.choose(Options(), "float32").precision == "float32"
    assert device.choose(Options(precision="bfloat16"), "float32").precision == "bfloat16"
    assert device.choose(Options(precision="float32"), "bfloat16").precision == "float32"
