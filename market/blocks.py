"""Columns of numbers, worked through in blocks that stay inside the processor's cache.

A kernel takes columns and returns columns, element by element: what it says of one row depends on
that row alone, so that neither the number of rows nor where a block ends changes a bit.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from market.instruments import Right
from market.quotes import BoolArray, FloatArray

BLOCK_ROWS = 8192

Kernel = Callable[..., tuple[FloatArray, ...]]


def floats(values: ArrayLike) -> FloatArray:
    """Return values as an array of floats, a single one without dimensions."""
    return np.asarray(values, dtype=np.float64)


def signs(right: Right | BoolArray) -> FloatArray:
    """Return +1 for calls and -1 for puts; in an array of booleans true means call."""
    if isinstance(right, Right):
        return np.asarray(1.0 if right is Right.CALL else -1.0)
    return np.where(right, 1.0, -1.0)


def in_blocks(kernel: Kernel, columns: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
    """Return the kernel's columns for columns that broadcast, all of the common shape."""
    shape = np.broadcast_shapes(*(column.shape for column in columns))
    size = math.prod(shape)
    if size <= BLOCK_ROWS:
        return tuple(_shaped(found, shape) for found in kernel(*columns))
    flat = [_flat(column, shape) for column in columns]
    results: tuple[FloatArray, ...] = ()
    for start in range(0, size, BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        found = kernel(*(column[block] if column.ndim else column for column in flat))
        results = results or tuple(np.empty(size) for _ in found)
        for result, values in zip(results, found, strict=True):
            result[block] = values
    return tuple(result.reshape(shape) for result in results)


def _flat(column: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Return a column as long as all rows; a single number stays one."""
    return column if column.ndim == 0 else np.broadcast_to(column, shape).reshape(-1)


def _shaped(found: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    values = np.asarray(found)
    return values if values.shape == shape else np.broadcast_to(values, shape).copy()
