"""The deletion of many files of a bucket."""

from typing import Any

from pipeline.core.errors import DependencyFailed

_AT_ONCE = 1000  # S3's limit on deletions a request


def delete(s3: Any, bucket: str, keys: list[str]) -> None:
    """Delete files; those that do not exist are ignored.

    Raises:
        DependencyFailed: ``not_deleted``: S3 did not delete all of them; a retry is safe.
    """
    for start in range(0, len(keys), _AT_ONCE):
        objects = [{"Key": key} for key in keys[start : start + _AT_ONCE]]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        if failed := answer.get("Errors"):
            first = failed[0]
            raise DependencyFailed(
                "not_deleted",
                f"S3 kept {len(failed)} files, {first['Key']} among them: {first.get('Message')}",
            )
