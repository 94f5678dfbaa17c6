"""Routes: uploads in parts, which go to addresses that are signed here."""

import json
import mimetypes
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from pipeline.api.context import Context, Parts
from pipeline.api.problems import described
from pipeline.aws.catalog.pending import Pending
from pipeline.aws.receiving import expected
from pipeline.core import content, option_check
from pipeline.core.errors import InvalidArgument, LimitExceeded
from pipeline.core.upload_options import PASSTHROUGH

router = APIRouter(prefix="/uploads", tags=["uploads"])

_AT_ONCE = 16  # addresses in an answer: 256 MB
_MOST_BYTES = 1024  # of what the uploader gives along: S3 keeps 2 KB of metadata
_CREATED: dict[str, Any] = {
    "headers": {"Location": {"description": "Its address", "schema": {"type": "string"}}}
}


class NewUpload(BaseModel):
    """A file to upload."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        max_length=1024,
        # S3's answers are XML, which has no such characters.
        pattern=r"^[^\x00-\x1f\x7f\ufffe\uffff]*$",
        description="Its file name",
        examples=["holiday.mp4"],
    )
    size: int = Field(strict=True, ge=0, description="Its size in bytes", examples=[41_943_040])
    content_type: str | None = Field(
        None,
        # HTTP has no other characters here.
        pattern=r"^[a-zA-Z0-9_.+-]{1,60}/[a-zA-Z0-9_.+-]{1,60}$",
        description="By default, by its name; the content decides how it is processed",
        examples=["video/mp4"],
    )
    options: dict[str, str] = Field(
        {},
        max_length=50,
        description="Options of the upload: `stages`, `language`, or a stage's parameter",
        examples=[{"stages": "transcode,detect", "detect-confidence": "0.4"}],
    )
    passthrough: JsonValue = Field(
        None,
        description=f"Yours: it comes back in the video's record; {_MOST_BYTES:,} bytes as JSON",
        examples=[{"order": 7}],
    )
    idempotency_key: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="The same key gives the same upload, for two days: for requests that are tried "
        "again",
    )
    etag: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{32}(-[0-9]{1,5})?$",
        description="MD5 of a file of up to 16 MiB, else the ETag that S3 will give for parts of "
        "16 MiB: with it nothing is sent if the same bytes are there",
    )
    beside: str | None = Field(
        None, max_length=64, description="For captions: `upload_id` of their video"
    )


class PartView(BaseModel):
    """A part to send."""

    number: int
    start: int = Field(description="Its first byte in the file")
    size: int = Field(description="Its bytes; the address takes no other number")
    url: str = Field(description="Where to PUT the bytes, within an hour")


class UploadView(BaseModel):
    """An upload."""

    upload_id: str = Field(examples=["0f1e2d3c4b5a69788796a5b4c3d2e1f0"])
    state: Literal["open", "completed"]
    already_there: bool = Field(
        description="True if `video_id` had the same bytes before: nothing was added"
    )
    video_id: str = Field(description="The video that it becomes")
    key: str = Field(description="Its key in the uploads bucket")
    name: str
    size: int
    part_size: int
    part_count: int
    arrived: list[int] = Field(description="Numbers of the parts that have arrived")
    parts: list[PartView] = Field(
        description=f"The next parts to send, at most {_AT_ONCE}; empty once all have arrived"
    )
    expires_at: AwareDatetime = Field(description="Then its parts are discarded")
    links: dict[str, str]


UploadId = Annotated[
    str, Path(description="The upload's id", examples=["0f1e2d3c4b5a69788796a5b4c3d2e1f0"])
]


@router.post(
    "",
    status_code=201,
    summary="Begin the upload of a file",
    description="Then PUT each of `parts` to its address, GET the upload for the next ones until "
    "there are none, and complete it. After an interruption, its address tells which are missing.",
    responses=described(403, 404, 409, 422, 503) | {201: _CREATED},
)
def begin_upload(
    new: Annotated[
        NewUpload,
        Body(
            openapi_examples={
                "a video": {"value": {"name": "holiday.mp4", "size": 41_943_040}},
                "with options": {
                    "value": {
                        "name": "talk.mp4",
                        "size": 41_943_040,
                        "options": {"stages": "transcode,transcribe", "language": "de"},
                        "passthrough": {"order": 7},
                        "idempotency_key": "order-7",
                    }
                },
            }
        ),
    ],
    parts: Parts,
    response: Response,
) -> UploadView:
    """Check the request and begin an upload."""
    if new.size > (most := parts.settings.max_bytes):
        raise LimitExceeded(
            "too_large", f"{new.name} has {new.size:,} bytes; at most {most:,} are allowed."
        )
    option_check.check(new.options, parts.settings)
    begun = parts.receiver.begin(
        new.name,
        new.size,
        new.content_type or mimetypes.guess_type(new.name)[0] or "application/octet-stream",
        new.options | _passthrough(new.passthrough),
        once=new.idempotency_key,
        etag=new.etag,
        beside=new.beside,
    )
    view = _view(begun, parts)
    response.headers["Location"] = view.links["self"]
    response.headers["Cache-Control"] = "no-store"
    return view


@router.get(
    "/{upload_id}",
    summary="Get an upload, and addresses for its next parts",
    responses=described(404, 422, 503),
)
def get_upload(upload_id: UploadId, parts: Parts, response: Response) -> UploadView:
    """Return an upload's present state."""
    response.headers["Cache-Control"] = "no-store"
    return _view(parts.receiver.get(upload_id), parts)


@router.post(
    "/{upload_id}/complete",
    summary="Make the parts a video",
    description="If a video has the same bytes already, nothing is added: `video_id` is its id.",
    responses=described(403, 404, 409, 422, 503),
)
def complete_upload(upload_id: UploadId, parts: Parts) -> UploadView:
    """Complete an upload."""
    return _view(parts.receiver.complete(upload_id), parts)


@router.delete(
    "/{upload_id}",
    status_code=204,
    summary="Cancel an upload",
    description="Its parts are discarded.",
    responses=described(403, 404, 409, 422, 503),
)
def cancel_upload(upload_id: UploadId, parts: Parts) -> None:
    """Discard an upload."""
    parts.receiver.abort(upload_id)


def _passthrough(given: JsonValue) -> dict[str, str]:
    """Return what the uploader gives along as an option, in ASCII as a header needs it."""
    if given is None:
        return {}
    text = json.dumps(given, separators=(",", ":"))
    if len(text) > _MOST_BYTES:
        raise InvalidArgument(
            "bad_option", f"passthrough has {len(text):,} bytes as JSON; at most {_MOST_BYTES:,}."
        )
    return {PASSTHROUGH: text}


def _view(begun: Pending, parts: Context) -> UploadView:
    sizes = expected(begun.size)
    arrived = {part.number: part.size for part in parts.receiver.arrived(begun)}
    here = [number for number, size in enumerate(sizes, 1) if arrived.get(number) == size]
    length = content.part_bytes(begun.size)
    next_ = []
    if begun.s3_id and not begun.completed:
        missing = sorted(set(range(1, len(sizes) + 1)) - set(here))[:_AT_ONCE]
        next_ = [
            PartView(
                number=number,
                start=(number - 1) * length,
                size=sizes[number - 1],
                url=parts.receiver.parts.address(begun.key, begun.s3_id, number, sizes[number - 1]),
            )
            for number in missing
        ]
    address = f"/uploads/{begun.upload_id}"
    return UploadView(
        upload_id=begun.upload_id,
        state="completed" if begun.completed else "open",
        already_there=begun.there,
        video_id=begun.video_id,
        key=begun.key,
        name=begun.name,
        size=begun.size,
        part_size=length,
        part_count=len(sizes),
        arrived=here,
        parts=next_,
        expires_at=begun.expires,
        links={"self": address, "complete": f"{address}/complete"},
    )
