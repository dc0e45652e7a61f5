"""Programs of arm64 under qemu, inside the root folder, with the network of this machine."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from arm.root import EMULATOR, PYTHON

# In a mount namespace that ends with the program. /sys stays empty: ONNX Runtime would look for an ARM
# processor in what this machine's says.
_ENTER = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$@"'


@dataclass(frozen=True)
class Done:
    """A program that has ended.

    Attributes:
        code: its exit code.
        out: its standard output.
        err: its standard error.
        seconds: that it took.
    """

    code: int
    out: str
    err: str
    seconds: float


@dataclass(frozen=True)
class Emulator:
    """Runs Python of arm64.

    Attributes:
        root: the root folder; needs root or a user namespace.
        needs: folder in its /opt with the packages.
    """

    root: Path
    needs: str

    def python(self, *arguments: str) -> Done:
        """Run Python with arguments; paths are those below the root."""
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh", str(self.root)]
        begun = time.monotonic()
        done = subprocess.run(
            [*enter, f"/usr/bin/{EMULATOR}", f"/usr/bin/python{PYTHON}", *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=self._environment(),
        )
        return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - begun)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "PYTHONPATH": f"/opt/project:/opt/{self.needs}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "DSC_DEVICE_THREADS": "1",
        }
