"""The loops of `loops`, compiled by numba for this processor; importing this module compiles them."""

from typing import Any

from numba import types

from dsc_server.kernels import loops
from dsc_server.kernels.compiling import compile_loop

_U8, _U16, _I32, _I64 = types.uint8, types.uint16, types.int32, types.int64
_F32, _F64 = types.float32, types.float64


def _read(element: Any, ndim: int) -> Any:  # noqa: ANN401 (numba has no types for these)
    """An argument that is read: contiguous, and maybe read-only."""
    return types.Array(element, ndim, "C", readonly=True)


def _write(element: Any, ndim: int = 1) -> Any:  # noqa: ANN401
    """An argument that is written: contiguous."""
    return types.Array(element, ndim, "C")


LIST_ONCE = compile_loop(
    loops.list_once,
    types.UniTuple(_I64, 3)(
        *(_read(_I64, 1), _read(_I64, 1), _read(_I64, 1), _I64, _I64, _write(_I32), _write(_I64)),
        *[_write(_I32)] * 5,
    ),
)
AGREE = compile_loop(
    loops.agree,
    types.void(
        *(_read(_I32, 1), _read(_I32, 1), _read(_F64, 2), _read(_F64, 1), _F64, _read(_I32, 1)),
        *(_write(_F64, 2), _write(_F64), _write(_F64), _write(_F64), _F64),
    ),
)
LARGEST_SUMS = compile_loop(loops.largest_sums, types.void(_read(_F64, 2), _write(_F64), _write(_F64)))
LOOK_UP = compile_loop(loops.look_up, types.void(_read(_F32, 2), _read(_U8, 2), _write(_F32)))
SCORE = compile_loop(
    loops.score,
    _I64(
        *(_read(_F32, 2), _read(_U8, 2), _read(_I64, 1), _read(_I32, 1), _read(_F32, 1), _F32, _write(_F32))
    ),
)
NEAR_WORDS = compile_loop(
    loops.near_words,
    types.void(_read(_F32, 2), _read(_F32, 3), _read(_U8, 2), _read(_F32, 2), _write(_F32)),
)
DISTANCE_TABLE = compile_loop(
    loops.distance_table, types.void(_read(_F32, 2), _read(_F32, 3), _write(_F32, 2)), any_order=True
)
FILL_DISTANCES = compile_loop(
    loops.fill_distances,
    types.void(_read(_F32, 3), _I64, _read(_I64, 1), _write(types.boolean, 2), _write(_F32, 3)),
    any_order=True,
)
HALVES_AS_FLOATS = compile_loop(
    loops.halves_as_floats, types.void(_read(_U16, 2), _read(_I64, 1), _write(_F32, 2))
)
CHECK_FACTORS = compile_loop(
    loops.check_factors,
    types.void(
        *(_read(_F64, 2), _read(_I64, 2), _read(_I64, 2), _read(_I64, 1)), _write(_F64, 2), _write(_F64, 2)
    ),
    any_order=True,
)
