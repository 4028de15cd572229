"""What torch is fed: every row once an epoch, whatever the blocks, files and processes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.models.fitting.compute import Compute
from include.models.fitting.network_training import Blocks
from include.models.matrix import Layout
from tests.models.example_files import CAMPAIGNS, CATEGORIES, FEATURES, part

LAYOUT = Layout(FEATURES, CAMPAIGNS, CATEGORIES)
ROWS = 300


def noise(blocks: Blocks) -> list[np.ndarray]:
    """The column `noise` tells rows apart."""
    return [matrix[:, 1].numpy().copy() for matrix, _, _ in blocks]


@given(
    files=st.integers(1, 5), world=st.integers(1, 4), block_rows=st.integers(1, 400),
    epoch=st.integers(1, 3),
)  # fmt: skip
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_row_once_an_epoch(
    tmp_path: Path, files: int, world: int, block_rows: int, epoch: int
) -> None:
    examples = part(tmp_path, 3, ROWS, 18, files)
    whole = np.concatenate([batch.matrix[:, 1] for batch in examples.batches(LAYOUT)])
    seen = []
    for rank in range(world):
        compute = Compute("cpu", 1, rank, world)
        blocks = Blocks(examples, LAYOUT, 7, compute, block_rows)
        blocks.epoch = epoch
        mine = noise(blocks)
        assert all(len(block) <= block_rows for block in mine)
        seen += mine
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.sort(whole))


def test_rows_that_fit_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = Blocks(part(tmp_path, 3, ROWS, 18, 3), LAYOUT, 7, Compute("cpu", 1), ROWS)
    (first,) = noise(blocks)
    monkeypatch.setattr(blocks, "_read", lambda: pytest.fail("read again"))
    (again,) = noise(blocks)
    np.testing.assert_array_equal(first, again)


def test_files_come_in_another_order_each_epoch(tmp_path: Path) -> None:
    examples = part(tmp_path, 3, ROWS, 18, 30)
    orders = []
    for epoch in (1, 2, 1):
        blocks = Blocks(examples, LAYOUT, 7, Compute("cpu", 1), 10)
        blocks.epoch = epoch
        orders.append(np.concatenate(noise(blocks)))
    np.testing.assert_array_equal(orders[0], orders[2])
    assert (orders[0] != orders[1]).any()
