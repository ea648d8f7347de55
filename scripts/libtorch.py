"""Lays libtorch out from the wheels in a folder; called by setup.sh. Standard library only.

    libtorch.py cpu  WHEELS DEST    DEST/{lib,include,build-version}: what LIBTORCH may name
    libtorch.py cuda WHEELS DEST    DEST/{torch/lib,nvidia/*/lib}: the wheels' own layout, in which the
                                    CUDA libraries find each other

Each wheel is deleted once it is unpacked, which halves the disk space needed at the worst moment.
"""

import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

CPU_LIBRARIES = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libshm.so", "libcudart.so.13", "libcupti.so.13"}
CUDA_LIBRARIES = {"libtorch_cuda.so", "libtorch_cuda_linalg.so", "libtorch_nvshmem.so", "libc10_cuda.so", "libcaffe2_nvrtc.so"}


def cpu_place(member):
    """Where a wheel's member goes below DEST, or None."""
    if member.parts[:2] == ("torch", "include"):
        return Path(*member.parts[1:])
    if member.name in CPU_LIBRARIES:
        return Path("lib", member.name)
    return None


def cuda_place(member):
    """The same for the CUDA parts, without those that the CPU's libtorch has loaded by then."""
    if member.parts[0] == "torch":
        return Path(*member.parts) if member.name in CUDA_LIBRARIES else None
    in_lib_folder = member.parts[0] == "nvidia" and "lib" in member.parts[:-1]
    return Path(*member.parts) if in_lib_folder and ".so" in member.name else None


def unpack(wheel, dest, place):
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            target = place(PurePosixPath(info.filename))
            if target is None or info.is_dir():
                continue
            path = dest / target
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(info) as source, open(path, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


def main(kind, wheels, dest):
    place = {"cpu": cpu_place, "cuda": cuda_place}[kind]
    for wheel in sorted(Path(wheels).glob("*.whl")):
        unpack(wheel, Path(dest), place)
        wheel.unlink()
    if kind == "cpu":
        # torch-sys links `-ltorch`; the wheel's own libtorch.so would pull in CUDA.
        Path(dest, "lib", "libtorch.so").write_text("INPUT(libtorch_cpu.so)\n")
        Path(dest, "build-version").write_text("2.13.0\n")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit(str(error))
