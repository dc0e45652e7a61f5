"""ONNX Runtime sessions of a network: on the processor, sparing with memory if asked, or on a GPU."""

import contextlib
import ctypes
import io
import os
from functools import cache

from dsc_common.errors import DamagedIndexError, DscError, first_line
from dsc_common.features.hardware import CPU, CUDA, Hardware

# Some builds of ONNX Runtime send usage data; they read this variable when the module is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

ARENA_BYTES = 64 << 20  # what EfficientNet-Lite needs at 512 pixels, weights included
RUNTIME_VERSION = onnxruntime.__version__  # of onnxruntime or onnxruntime-gpu
_CPU_PROVIDER, _CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"
# Products in full float32: TensorFloat-32 rounds factors to 11 bits, and features would be 1e-3 off.
_CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}


def open_session(
    model: bytes | str, name: str, threads: int | None, hardware: Hardware = CPU, *, sparing: bool = False
) -> onnxruntime.InferenceSession:
    """A session of a model's bytes, or of the file at a path.

    Args:
        model: the bytes, or the path.
        name: of the model, for error lines.
        threads: of a photo; None: one per core.
        hardware: where to compute.
        sparing: on the processor, take little memory, for photos of any shapes.

    Raises:
        DamagedIndexError: this is no ONNX model.
        DscError: there is no GPU, or ONNX Runtime cannot use it.
    """
    if hardware == CUDA:
        _require_cuda()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # the exception has the reason; no second copy on stderr
    if threads is not None:
        options.intra_op_num_threads = threads
    if sparing:
        _register_arena()
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.use_env_allocators", "1")
    cuda = [(_CUDA_PROVIDER, _CUDA_OPTIONS)] if hardware == CUDA else []
    try:
        session = onnxruntime.InferenceSession(
            model, options, providers=[*cuda, _CPU_PROVIDER], enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime has no common base class for its errors
        line = first_line(error)
        reason = line if isinstance(model, bytes) else line.replace(model, name)
        if hardware == CUDA and "CUDA" in reason:
            raise DscError(f"expected a GPU for CUDA, got: {reason}") from error
        raise DamagedIndexError(f"{name} is damaged: {reason}") from error
    if sparing:
        _return_free_memory()
    if hardware == CUDA and _CUDA_PROVIDER not in session.get_providers():  # it was left out without an error
        raise DscError(
            "expected a GPU for CUDA, got none that ONNX Runtime can use: it needs NVIDIA's driver and the "
            "libraries of onnxruntime-gpu[cuda,cudnn]"
        )
    return session


@cache
def _require_cuda() -> None:
    """Load CUDA's libraries from their packages, where they are installed.

    Raises:
        DscError: this ONNX Runtime is one without CUDA.
    """
    if _CUDA_PROVIDER not in onnxruntime.get_available_providers():
        raise DscError("computing with CUDA needs the package onnxruntime-gpu in place of onnxruntime")
    onnxruntime.set_default_logger_severity(4)  # it logs each library that it does not find, and prints it
    with contextlib.redirect_stdout(io.StringIO()):
        onnxruntime.preload_dlls()


def _return_free_memory() -> None:
    """Give the system what loading has freed, the model's file above all; the C library would keep it.

    musl, the other C library of Linux, has no such call, and no need of it.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@cache
def _register_arena() -> None:
    """Memory of this process's sparing sessions: one piece of address space, whose pages are taken as needed.

    By default ONNX Runtime takes pieces of 1, 2, 4, … MB. Tensors of photos of another shape do not fit into
    the gaps that the former shapes leave, and each piece ends with a gap.
    """
    cpu = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    unlimited, doubling, usual = 0, 0, -1
    onnxruntime.create_and_register_allocator(
        cpu, onnxruntime.OrtArenaCfg(unlimited, doubling, ARENA_BYTES, usual)
    )
