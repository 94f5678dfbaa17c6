"""The export of `yolo-shapes.pt` to ONNX: python -m samples.models.training.yolo_export.

It needs the extra `detect` with Ultralytics. The same versions give the same bytes.
"""

import argparse
import tempfile
from pathlib import Path

from pipeline.stages.detect import export
from pipeline.stages.models import weights
from samples.models.training import pack


def write(out: Path) -> None:
    """Export the sample detector to `out`, and note its checksum."""
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        export.export(weights.resolve("yolo-shapes.pt"), Path(folder)).replace(out)
    pack.note_sum(out)


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("samples/models/yolo-shapes.onnx"))
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
