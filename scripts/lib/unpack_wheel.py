"""Unpacks chosen members of a wheel: unpack_wheel.py WHEEL DIRECTORY PREFIX=PLACE ...

A member whose name starts with PREFIX goes to DIRECTORY/PLACE plus the rest of its name. Every prefix must
fit at least one member. Checksums are those of the zip format; C++ headers of CUDA packages are left out.
"""

import os
import shutil
import sys
import zipfile


def main(wheel, directory, pairs):
    archive = zipfile.ZipFile(wheel)
    chosen = []
    for prefix, place in pairs:
        names = [i for i in archive.infolist() if i.filename.startswith(prefix) and not i.is_dir()]
        if not names:
            sys.exit(f"{os.path.basename(wheel)} holds nothing under {prefix}")
        for info in names:
            if prefix == "nvidia/" and "/include/" in info.filename:
                continue
            path = os.path.normpath(os.path.join(directory, place + info.filename[len(prefix) :]))
            if not path.startswith(os.path.normpath(directory) + os.sep):
                sys.exit(f"{os.path.basename(wheel)} holds the unsafe path {info.filename}")
            chosen.append((info, path))
    total = sum(info.file_size for info, _ in chosen)
    done = 0
    for info, path in chosen:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(info) as source, open(path, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 22)
        if info.external_attr >> 16 & 0o100:
            os.chmod(path, 0o755)
        done += info.file_size
        if sys.stdout.isatty():
            percent = 100 * done // max(total, 1)
            print(f"\r  {percent} % of {os.path.basename(wheel)}", end="", flush=True)
    if sys.stdout.isatty():
        print()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [pair.split("=", 1) for pair in sys.argv[3:]])
