"""Make the PNG files of a folder small enough for a repository: names without their prefix, few colours."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

COLOURS = 96


def shrink(folder: Path) -> None:
    """Rewrite the pictures the browser tests left in `folder`."""
    for file in sorted(folder.glob("panel-tutorial-*.png")):
        with Image.open(file) as picture:
            few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(file.with_name(file.name.removeprefix("panel-")), optimize=True)
        file.unlink()


if __name__ == "__main__":
    shrink(Path(sys.argv[1]))
