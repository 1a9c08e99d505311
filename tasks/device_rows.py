"""Rows of a large array where they are computed with: whole on the device where they fit, else brought batch by batch.

A GPU reads its own memory some fifty times faster than the machine's, so an array is put there once, in the type it
came in (images as uint8), where it takes no more than half of what is free. Else a thread of its own reads the rows of
the batches to come into pinned memory and sends them on a side stream, while the device computes with the batch before.
On a CPU that is the same code without pinning or streams; there an array is as good as on the device already, unless
it is mapped from a file, of which only the rows asked for are ever read.

Both give the same rows in the same order. Known failure: rows in a random order are read from a mapped file one by
one, which a spinning disk cannot do fast enough; and where rows are sent anew every epoch, the bus and not the device
may be what training waits for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from burnish.tasks.memory import is_full

SHARE = 0.5  # of the free memory, at most; the rest is for the network, its gradients and the batches
AHEAD = 2  # batches on their way while one is computed with
PIECE = 1 << 26  # bytes that are put on a device, or gone through, at once

View = Callable[[Tensor], Tensor]
Places = NDArray[np.int64]


class Rows(Protocol):
    """Rows of an array, to be had on a device."""

    device: torch.device

    def __len__(self) -> int:
        """Give the number of rows."""

    def take(self, rows: Tensor) -> Tensor:
        """Give some rows (m, ...), int64 (m,)."""

    def batches(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Give the rows of one batch after the other."""

    def pieces(self) -> Iterator[tuple[slice, Tensor]]:
        """Go through all rows in order, as many at once as are at hand; give where they are, and them."""

    def part(self, start: int, stop: int) -> Rows:
        """Give neighbouring rows, not copied."""


class Held:
    """All rows on the device.

    Parameters
    ----------
    values : Tensor (n, ...)
    view : callable, optional
        What is done to rows that are asked for, such as making half precision full.
    """

    def __init__(self, values: Tensor, view: View | None = None) -> None:
        self.values, self.device, self.view = values, values.device, view

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Tensor) -> Tensor:
        """Give some rows (m, ...), int64 (m,)."""
        return self.values[rows] if self.view is None else self.view(self.values[rows])

    def batches(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Give the rows of one batch after the other."""
        return (self.take(part) for part in parts)

    def pieces(self) -> Iterator[tuple[slice, Tensor]]:
        """Go through all rows: all at once where nothing has to be done to them."""
        if self.view is None:
            yield slice(0, len(self)), self.values
            return
        for some in _slices(len(self), self.values.nbytes):
            yield some, self.view(self.values[some])

    def part(self, start: int, stop: int) -> Held:
        """Give neighbouring rows, not copied."""
        return Held(self.values[start:stop], self.view)


class Streamed:
    """Rows that stay where they are, in memory or in a file, and are sent when they are asked for.

    Parameters
    ----------
    source : (m, ...)
        Never copied whole.
    device : torch.device
    view : callable, optional
        What is done to each batch on the device.
    places : int64 (n,), optional
        Where in the source the rows are; default: one after the other.
    """

    def __init__(
        self, source: NDArray[Any], device: torch.device, view: View | None = None, places: Places | None = None
    ) -> None:
        self.source, self.device, self.view = source, device, view
        self.places = np.arange(len(source)) if places is None else places
        self.side = _side(device)

    def __len__(self) -> int:
        return len(self.places)

    def take(self, rows: Tensor) -> Tensor:
        """Give some rows (m, ...), int64 (m,)."""
        return self._arrived(*self._send(rows.cpu().numpy()))

    def batches(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Give the rows of one batch after the other; those to come are read and sent meanwhile."""
        rows = torch.cat(list(parts)).cpu().numpy() if len(parts) else np.empty(0, np.int64)
        ends = np.cumsum([len(part) for part in parts])
        waiting = iter(np.split(rows, ends[:-1]) if len(parts) else [])
        where = self.side.device_index if self.side is not None else None
        with ThreadPoolExecutor(1, initializer=_stand_on, initargs=(where,)) as reader:
            coming: deque[Future[tuple[Tensor, torch.cuda.Event | None]]] = deque()
            coming.extend(reader.submit(self._send, part) for part in islice(waiting, AHEAD))
            while coming:
                sent, done = coming.popleft().result()
                coming.extend(reader.submit(self._send, part) for part in islice(waiting, 1))
                yield self._arrived(sent, done)

    def pieces(self) -> Iterator[tuple[slice, Tensor]]:
        """Go through all rows in order, some at a time."""
        row = self.source.nbytes // max(1, len(self.source))
        slices = list(_slices(len(self), row * len(self)))
        parts = [torch.arange(some.start, some.stop) for some in slices]
        return zip(slices, self.batches(parts), strict=True)

    def part(self, start: int, stop: int) -> Streamed:
        """Give neighbouring rows, not copied."""
        return Streamed(self.source, self.device, self.view, self.places[start:stop])

    def _send(self, rows: NDArray[np.int64]) -> tuple[Tensor, torch.cuda.Event | None]:
        """Read rows and send them on; with them goes what tells that they have arrived."""
        read = torch.from_numpy(self.source[self.places[rows]])
        if self.side is None:
            return read.to(self.device), None
        with torch.cuda.stream(self.side):
            sent = read.pin_memory().to(self.device, non_blocking=True)
            return sent, self.side.record_event()

    def _arrived(self, sent: Tensor, done: torch.cuda.Event | None) -> Tensor:
        """Have the device wait for rows before it computes with them, and show them as asked."""
        if done is not None:
            now = torch.cuda.current_stream(self.device)
            now.wait_event(done)
            sent.record_stream(now)
        return sent if self.view is None else self.view(sent)


def _stand_on(gpu: int | None) -> None:
    """Have the thread that reads stand on the GPU that it sends to, or it would open the first one as well."""
    if gpu is not None:
        torch.cuda.set_device(gpu)


@cache
def _side(device: torch.device) -> torch.cuda.Stream | None:
    """Give the one stream a GPU that rows are sent by: memory is kept ready for each stream by itself."""
    return torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]


def hold(
    source: NDArray[Any],
    device: torch.device,
    view: View | None = None,
    *,
    places: Places | None = None,
    share: float = SHARE,
) -> Rows:
    """Put rows on the device where they fit there, else have them sent batch by batch.

    Parameters
    ----------
    source : (m, ...)
        May be mapped from a file; it is never copied whole in the machine's memory.
    device : torch.device
    view : callable, optional
        How rows are looked at, such as with their axes in another order.
    places : int64 (n,), optional
        The rows that are wanted, in their order; default: all.
    share : float
        Of the device's free memory that they may take.

    Returns
    -------
    Rows

    Examples
    --------
    >>> rows = hold(np.arange(6).reshape(3, 2), torch.device("cpu"))
    >>> rows.take(torch.tensor([2, 0])).tolist()
    [[4, 5], [0, 1]]
    """
    count = len(source) if places is None else len(places)
    size = source.nbytes // max(1, len(source)) * count
    if size > share * room(device) or (device.type == "cpu" and mapped(source)):
        return Streamed(source, device, view, places)
    try:
        values = _put(source, device, places)
    except (RuntimeError, MemoryError) as error:
        if not is_full(error):
            raise
        return Streamed(source, device, view, places)
    return Held(values if view is None else view(values))


def room(device: torch.device) -> float:
    """Give how many bytes are free on a GPU; on anything else there is no other memory to go to."""
    if device.type != "cuda":
        return np.inf
    torch.cuda.empty_cache()
    return float(torch.cuda.mem_get_info(device)[0])


def mapped(source: NDArray[Any]) -> bool:
    """Tell whether an array, or what it is a view of, is mapped from a file."""
    base: Any = source
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False


def _put(source: NDArray[Any], device: torch.device, places: Places | None) -> Tensor:
    """Put rows on the device, a piece at a time; on a CPU the memory of an array that is wanted whole is shared."""
    if device.type == "cpu":
        return torch.from_numpy(np.ascontiguousarray(source if places is None else source[places]))
    count = len(source) if places is None else len(places)
    kind = torch.from_numpy(np.empty(0, source.dtype)).dtype
    values = torch.empty((count, *source.shape[1:]), dtype=kind, device=device)
    for some in _slices(count, source.nbytes // max(1, len(source)) * count):
        values[some].copy_(torch.from_numpy(np.array(source[some if places is None else places[some]])))
    return values


def _slices(count: int, size: int) -> Iterator[slice]:
    """Cut rows of so many bytes together into neighbouring ones of at most `PIECE` bytes."""
    step = max(1, PIECE // max(1, size // max(1, count)))
    return (slice(start, min(start + step, count)) for start in range(0, max(count, 1), step))
