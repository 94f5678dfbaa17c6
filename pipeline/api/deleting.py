"""Routes: the deletion of a video, and its undo."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from pipeline.api.context import Parts
from pipeline.api.lookup import VideoId
from pipeline.api.problems import described
from pipeline.results.deletion import Deleted

router = APIRouter(prefix="/videos/{video_id}", tags=["videos"])


class DeletedVideo(Deleted):
    """A deleted video, and the path of the request that restores its file."""

    links: dict[str, str] = Field(examples=[{"restore": "/videos/5c1e…/restore"}])


class Restored(BaseModel):
    """A video whose file was restored."""

    video_id: str
    name: str
    links: dict[str, str] = Field(examples=[{"self": "/videos/5c1e…"}])


@router.delete(
    "",
    summary="Delete a video",
    description="Its file, its captions, and at once all that was made of it: the results of all "
    "versions, their files, records and search entries. A run in progress publishes nothing any "
    "more. Signed addresses stop working; a CDN may serve what it has cached for as long as they "
    "last. Where the bucket keeps deleted files, `restore` brings the file back until "
    "`restorable_until`; its results are then made again. A second request changes nothing and "
    "answers in the same way.",
    responses=described(403, 404, 422, 503),
)
def delete_video(video_id: VideoId, parts: Parts, response: Response) -> DeletedVideo:
    """Delete a video, and return until when its file can be restored."""
    done = parts.deletions.delete(video_id)
    response.headers["Cache-Control"] = "no-store"
    links = {"restore": f"/videos/{video_id}/restore"} if done.restorable_until else {}
    return DeletedVideo(**done.model_dump(), links=links)


@router.post(
    "/restore",
    status_code=202,
    summary="Undo a deletion",
    description="The file and its captions are restored, as a new revision, and all results are "
    "made again. 409 if the video is not deleted, or its file is gone for good.",
    responses=described(403, 404, 409, 422, 503),
)
def restore_video(video_id: VideoId, parts: Parts) -> Restored:
    """Restore the file of a deleted video."""
    video = parts.deletions.restore(video_id)
    return Restored(
        video_id=video_id, name=video.upload.name, links={"self": f"/videos/{video_id}"}
    )
