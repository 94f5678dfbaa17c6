"""Films in ranges of a second or so, and what is known of their parts."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import boto3

from pipeline.hosts.stack_file import StackFile

OPTIONS = (
    *("--stages", "transcode"),
    *("--option", "transcode-range_s=6", "--option", "transcode-preset=ultrafast"),
)
_TAG = re.compile(r"picture-\d+-\d+")


def make(make_video: Callable[..., Path], name: str, seconds: int) -> Path:
    """Make a film whose pictures must be encoded: it has too few keyframes to be copied."""
    pictures = ("-f", "lavfi", "-i", f"testsrc2=s=192x108:r=15:d={seconds}", "-g", "999")
    return make_video(name, *pictures, "-c:v", "libx264", "-preset", "ultrafast")


class Record:
    """The record of a film's run of transcode, in a running stack."""

    def __init__(self, stack: StackFile, video_id: str) -> None:
        session = boto3.Session(
            *(stack.environment[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")),
            region_name=stack.environment["AWS_REGION"],
        )
        self._s3 = session.client("s3", endpoint_url=stack.endpoint)
        table = session.resource("dynamodb", endpoint_url=stack.endpoint).Table("videodrop")
        self._read = lambda: table.get_item(
            Key={"pk": video_id, "sk": "stage#transcode"}, ConsistentRead=True
        )

    def ended(self) -> frozenset[str]:
        """Return the tags, name and attempt, of the parts that have ended."""
        return frozenset(self._read()["Item"].get("ended", ()))

    def made_of(self) -> set[str]:
        """Return the tags of the parts of the current result, from its manifest."""
        key = self._read()["Item"]["result"]["prefix"] + "manifest.json"
        manifest = json.load(self._s3.get_object(Bucket="videodrop-artifacts", Key=key)["Body"])
        return {tag[0] for one in manifest["files"] if (tag := _TAG.search(one["name"]))}
