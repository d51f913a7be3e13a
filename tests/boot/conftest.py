# SPDX-License-Identifier: MIT
"""What every boot test is given: the image, the caches, and the choice of how much to run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import payloads
from boots import Bench, make_bench

_REPOSITORY = Path(__file__).resolve().parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    """--full: the whole matrix; --smoke: what every build of the image must pass."""
    parser.addoption("--full", action="store_true", help="run everything, not the quick choice")
    parser.addoption("--smoke", action="store_true", help="run what is marked smoke only")


def pytest_configure(config: pytest.Config) -> None:
    """Tests marked `full` run with --full only, --smoke runs nothing but those marked so."""
    config.addinivalue_line("markers", "full: only with --full")
    config.addinivalue_line("markers", "smoke: with every compiler and sanitizer")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Drop, rather than skip, what was not asked for."""

    def wanted(item: pytest.Item) -> bool:
        if config.getoption("--smoke"):
            return item.get_closest_marker("smoke") is not None
        return config.getoption("--full") or item.get_closest_marker("full") is None

    dropped = [item for item in items if not wanted(item)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if wanted(item)]


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where the ISO and the ROM are kept between runs."""
    return _REPOSITORY / "build" / "tests"


@pytest.fixture(scope="session")
def image_path() -> Path:
    """The image under test: build/footing.elf, or what FOOTING_ELF names."""
    path = Path(os.environ.get("FOOTING_ELF", _REPOSITORY / "build" / "footing.elf"))
    assert path.exists(), f"{path} does not exist: run make first"
    return path


@pytest.fixture(scope="session")
def efi_path(image_path: Path) -> Path:
    """The EFI file under test: what FOOTING_EFI names, or the one beside the image."""
    path = Path(os.environ.get("FOOTING_EFI", image_path.with_name("footing.efi")))
    assert path.exists(), f"{path} does not exist: run make first"
    return path


@pytest.fixture
def bench(tmp_path: Path, cache: Path, image_path: Path, efi_path: Path) -> Bench:
    """A place to boot the image, by GRUB, by the test ROM, or by UEFI."""
    return make_bench(tmp_path, cache, image_path, efi_path)


@pytest.fixture(scope="session")
def forms(cache: Path) -> dict[str, bytes]:
    """The payload that checks what it is given, by form."""
    return payloads.build(cache)
