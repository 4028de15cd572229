"""Fit the network: rows streamed in blocks, mixed precision on CUDA, one process a GPU."""

import contextlib
import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.distributed.algorithms.join import Join
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import IterableDataset

from include.config import Reading
from include.models.examples import Batch, Examples, Split
from include.models.fitting.compute import Compute
from include.models.fitting.network import Network, Parameters, inputs
from include.models.matrix import Layout

Array = NDArray[np.float32]
Rows = tuple[Tensor, Tensor, Tensor]
"""Matrix, label and weight of some rows."""


class Blocks(IterableDataset[Rows]):
    """The rows of this process, block by block; in another order in each epoch.

    Files come in a shuffled order, and a block's rows will be shuffled among themselves: with
    blocks of many files that is as good as shuffling everything, and memory stays that of a block.
    """

    def __init__(
        self, examples: Examples, layout: Layout, seed: int, compute: Compute, block_rows: int
    ) -> None:
        self.examples, self.layout, self.seed = examples, layout, seed
        self.rank, self.world, self.block_rows = compute.rank, compute.world, block_rows
        self.epoch = 0
        self._whole: Rows | None = None

    def __iter__(self) -> Iterator[Rows]:
        """One epoch. Rows that all fit into one block are read only once."""
        if self._whole is not None:
            yield self._whole
            return
        blocks = 0
        for block in self._read():
            blocks += 1
            yield block
        if blocks == 1:
            self._whole = block

    def _read(self) -> Iterator[Rows]:
        files = list(self.examples.files)
        np.random.default_rng([self.seed, self.epoch]).shuffle(files)
        # Whole files a process, so that none reads another's; with too few, every other row.
        is_by_file = len(files) >= self.world
        mine = files[self.rank :: self.world] if is_by_file else files
        step = slice(None) if is_by_file else slice(self.rank, None, self.world)
        width = len(self.layout.feature_types)
        size = min(self.block_rows, sum(file.row_count for file in mine))
        matrix, label, weight = (
            np.empty((size, width), np.float32), np.empty(size, np.float32),
            np.empty(size, np.float32),
        )  # fmt: skip
        held = 0
        for batch in self.examples.batches(self.layout, mine):
            rows = (batch.matrix[step], batch.label[step], batch.weight[step])
            taken = 0
            while taken < len(rows[0]):
                count = min(len(rows[0]) - taken, size - held)
                for target, source in zip((matrix, label, weight), rows, strict=True):
                    target[held : held + count] = source[taken : taken + count]
                held, taken = held + count, taken + count
                if held == size:
                    yield _tensors((matrix, label, weight), held)
                    held = 0
        if held:
            yield _tensors((matrix, label, weight), held)


def _tensors(arrays: tuple[Array, Array, Array], count: int) -> Rows:
    one, two, three = (torch.from_numpy(array)[:count] for array in arrays)
    return one, two, three


def fit_network(
    split: Split,
    layout: Layout,
    chosen: Parameters,
    seed: int,
    compute: Compute,
    reading: Reading,
) -> tuple[Network, Tensor, Tensor, int]:
    """The network of the best epoch, mean and scale of its inputs, all on the CPU; that epoch."""
    torch.set_num_threads(compute.threads)
    torch.manual_seed(seed)
    device = torch.device(compute.torch_device)
    with _together(compute):
        mean, scale = _scaling(split.train, layout, compute)
        network = Network(len(mean), len(layout.campaigns), len(layout.categories), chosen)
        network.to(device)
        wrapped: nn.Module = network
        if compute.world > 1:
            wrapped = DistributedDataParallel(network)
        scaled = (mean.to(device), scale.to(device))
        blocks = Blocks(split.train, layout, seed, compute, reading.shuffle_rows)
        valid = _Kept(split.valid, layout, reading.shuffle_rows)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=chosen.learning_rate, weight_decay=chosen.weight_decay
        )
        steps = math.ceil(len(split.train) / compute.world / chosen.batch_size) * chosen.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
        )
        best, best_loss, best_epoch = network.state_dict(), float("inf"), 0
        order = torch.Generator().manual_seed(seed + compute.rank)
        for epoch in range(1, chosen.epochs + 1):
            blocks.epoch = epoch
            network.train()
            # A process that runs out of rows goes on taking part until the last has.
            joined = Join([wrapped]) if compute.world > 1 else contextlib.nullcontext()  # type: ignore[list-item]
            with joined:
                for block in blocks:
                    for picked in torch.randperm(len(block[0]), generator=order).split(
                        chosen.batch_size
                    ):
                        rows = tuple(tensor[picked].to(device) for tensor in block)
                        optimizer.zero_grad(set_to_none=True)
                        _loss(wrapped, rows, scaled, device).mean().backward()
                        optimizer.step()
                        schedule.step()
            if compute.rank == 0:
                loss = _validate(network, valid, scaled, device)
                print(f"[epoch {epoch}/{chosen.epochs}] valid-logloss:{loss:.5f}", flush=True)
                if loss < best_loss:
                    best_loss, best_epoch = loss, epoch
                    best = {k: value.detach().clone() for k, value in network.state_dict().items()}
            if compute.world > 1:
                distributed.barrier()
    network.load_state_dict(best)
    return network.cpu().eval(), mean, scale, best_epoch


@contextlib.contextmanager
def _together(compute: Compute) -> Iterator[None]:
    """The group of processes that fit together, where there are several."""
    if compute.world == 1:
        yield
        return
    if compute.device == "cuda":
        torch.cuda.set_device(compute.rank)
    distributed.init_process_group("nccl" if compute.device == "cuda" else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _scaling(train: Examples, layout: Layout, compute: Compute) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the network's inputs; counted by the first process."""
    sums = torch.zeros(3, 2 * len(layout.features), dtype=torch.float64)
    if compute.rank == 0:
        for batch in train.batches(layout):
            numbers = inputs(torch.from_numpy(batch.matrix))[0].double()
            sums += torch.stack(
                [torch.full_like(sums[0], len(batch)), numbers.sum(0), numbers.square().sum(0)]
            )
    if compute.world > 1:
        on_device = sums.to(compute.torch_device)
        distributed.broadcast(on_device, src=0)
        sums = on_device.cpu()
    count, total, squares = sums
    mean = total / count
    scale = (squares / count - mean.square()).clamp(min=0).sqrt().clamp(min=1e-3)
    return mean.float(), scale.float()


class _Kept:
    """The batches of some examples; few enough are kept, more are read again each time."""

    def __init__(self, examples: Examples, layout: Layout, keep_rows: int) -> None:
        self._examples, self._layout = examples, layout
        self._kept: list[Batch] | None = None
        self._keeps = len(examples) <= keep_rows

    def __iter__(self) -> Iterator[Batch]:
        if not self._keeps:
            yield from self._examples.batches(self._layout)
            return
        if self._kept is None:
            self._kept = list(self._examples.batches(self._layout))
        yield from self._kept


def _validate(
    network: Network, valid: _Kept, scaled: tuple[Tensor, Tensor], device: torch.device
) -> float:
    network.eval()
    total = weight = 0.0
    with torch.inference_mode():
        for batch in valid:
            rows = tuple(
                torch.from_numpy(array).to(device)
                for array in (batch.matrix, batch.label, batch.weight)
            )
            total += float(_loss(network, rows, scaled, device, is_mean=False).double().sum())
            weight += float(batch.weight.sum(dtype=np.float64))
    return total / weight


def _loss(
    network: nn.Module,
    rows: tuple[Tensor, ...],
    scaled: tuple[Tensor, Tensor],
    device: torch.device,
    is_mean: bool = True,
) -> Tensor:
    """Weighted log loss of each row; with `is_mean`, such that the mean is the weighted mean."""
    matrix, label, weight = rows
    numbers, codes = inputs(matrix)
    # bfloat16 has float32's range, so gradients need no scaling.
    is_mixed = device.type == "cuda" and torch.cuda.is_bf16_supported()
    with torch.autocast(device.type, torch.bfloat16, enabled=is_mixed):
        logits = network((numbers - scaled[0]) / scaled[1], codes)
    losses = nn.functional.binary_cross_entropy_with_logits(logits.float(), label, reduction="none")
    return losses * weight / (weight.mean() if is_mean else 1.0)
