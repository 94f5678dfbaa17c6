"""All environment variables as typed settings.

boto3 reads ordinary AWS settings itself (``AWS_ENDPOINT_URL``, ``AWS_REGION``, credentials,
profiles).
"""

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, Secret, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.core import intake
from pipeline.core.events import Deletion, Event, Upload
from pipeline.core.media_info import Limits
from pipeline.core.pool import Pool
from pipeline.core.setting_types import BearerToken, CdnSettings, Hostname, Origin, SignIn, Token
from pipeline.core.topology import DEFAULT_PATH, Names, Topology

PRICES = Path(__file__).parents[1] / "costs" / "prices.json"


class Settings(BaseSettings):
    """Settings from ``VIDEODROP_*``; names of durations and sizes end in their unit.

    Stage parameters can be set one by one, ``VIDEODROP_PARAMS__TRANSCRIBE__MODEL=turbo``, or as
    JSON, ``VIDEODROP_PARAMS='{"detect": {"confidence": 0.4}}'``.
    """

    model_config = SettingsConfigDict(
        env_prefix="VIDEODROP_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    name: str = Field("videodrop", description="Prefix of every AWS name of this installation")
    topology_path: Path = Field(
        DEFAULT_PATH,
        validation_alias="VIDEODROP_TOPOLOGY",
        description="The stages, queues and table, in the form of the file by default",
    )
    stages: Annotated[tuple[str, ...] | None, NoDecode] = Field(
        None,
        description="The stages of this installation, separated by commas; the others of the "
        "topology are left out. All by default. For a machine that lacks the packages of one; on "
        "AWS change the topology",
    )
    prices_path: Path = Field(
        PRICES,
        validation_alias="VIDEODROP_PRICES",
        description="The price table of estimates, in the format of the default one",
    )
    uploads_bucket: str | None = Field(None, description="Overrides the name from the prefix")
    artifacts_bucket: str | None = Field(None, description="Overrides the name from the prefix")
    home: Path = Field(
        Path(".videodrop"), description="Directory of the embedded stack's state, inbox and logs"
    )
    scratch: Path | None = Field(
        None, description="Parent of work directories; the system's temporary one by default"
    )
    model_dir: Path = Field(
        Path.home() / ".cache" / "videodrop" / "models",
        description="Directory of fetched and converted models",
    )
    fetch: bool = Field(
        True, description="Whether models may be fetched over the network; false on closed networks"
    )
    model_mirror: str | None = Field(
        None,
        description="Folder or http address tried after a model's publisher, with files as in "
        "VIDEODROP_MODEL_DIR: a copy of another host's, for example. Digests are checked as ever",
    )
    params: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Stage parameters that override the defaults"
    )

    telemetry: Literal["local", "aws"] = Field(
        "local",
        description="Destination of logs and metrics: the local terminal, or CloudWatch for Lambda "
        "and ECS. Traces are OpenTelemetry's, off unless OTEL_EXPORTER_OTLP_ENDPOINT is set",
    )

    stage: str | None = Field(
        None,
        description="The stage this process hosts (handlers/stage.py); a worker hosts several that "
        "are separated by commas",
    )
    threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="CPU threads for this stage"
    )
    lane: Literal["live", "replay"] | None = Field(
        None,
        description="The queue of its stages that a worker polls, `live` or `replay`; both if not "
        "set",
    )
    replay_concurrency: int = Field(
        1,
        ge=0,
        description="Child processes per stage that a worker has for replays; 0 for none",
    )
    engines: dict[str, str] = Field(
        default_factory=dict,
        description="Versions, by package, of engines installed on the stages' hosts and not on "
        "this one: for a host that only plans runs",
    )
    device: str = Field("auto", description="Device of models: auto, cpu, cuda, cuda:1, …")

    worker_timeout_s: int = Field(
        36000,
        gt=0,
        lt=12 * 3600,
        description="Longest run of a stage on a worker: less than 12 hours, for which SQS hides a "
        "message. On Lambda, the stage's timeout_s in the topology is the limit",
    )
    drain_s: float = Field(
        10, ge=0, description="Seconds that a worker's jobs have to end in a graceful shutdown"
    )
    idle_s: float | None = Field(
        None,
        gt=0,
        description="Seconds without messages after which a worker's process ends: for hosts that "
        "are started while messages wait. It never ends by default",
    )
    pool: Pool | None = Field(
        None,
        description="The pool of hosts, as JSON, that the janitor starts while messages wait "
        "(Terraform's `gpu`)",
    )
    push_token: Secret[Token] | None = Field(
        None,
        description="Token that senders of events by HTTP must send (hosts/worker/server.py), 16 "
        "characters or more; without it the network must restrict access",
    )

    store_profile: str | None = Field(
        None,
        description="Profile of AWS's configuration with the endpoint and the credentials of a "
        "store of files that is not that of the other services",
    )
    watch_s: float | None = Field(
        None,
        ge=1,
        description="Seconds between two looks through the uploads bucket, for a store that tells "
        "of no uploads (`videodrop watch-bucket`)",
    )
    notify_token: Secret[BearerToken] | None = Field(
        None,
        description="Token that a store sends with its notifications to `POST /events/s3`, 16 "
        "characters or more; without it they are rejected",
    )

    share_results: bool = Field(
        True,
        description="Whether a video may take over results of another one with the same bytes; "
        "false where uploaders must learn nothing of each other's videos",
    )

    old_uploads_days: int = Field(
        30,
        ge=1,
        description="Days for which the uploads bucket keeps deleted files, as its lifecycle rule "
        "says: until then a deletion can be undone",
    )

    lease_s: int = Field(
        60, ge=3, description="A stage run without a heartbeat for this long is lost"
    )
    redelivery_s: int = Field(
        6 * 900,
        ge=1,
        description="Longest time from an expired lease to the next delivery of its message: the "
        "queues' visibility timeout on AWS. A worker sets it to the lease for its stages, because "
        "it receives messages with that timeout",
    )
    max_attempts: int = Field(3, ge=1, description="Claims of one stage run before it fails")
    presign_s: int = Field(
        3600,
        ge=60,
        le=7 * 86400,
        description="Lifetime of signed URLs beyond the length of the video; S3 allows at most a "
        "week in all",
    )
    cdn: CdnSettings | None = Field(
        None, description="CloudFront for the artifacts, e.g. VIDEODROP_CDN__DOMAIN"
    )
    public_origins: frozenset[Origin] = Field(
        frozenset(),
        description="Origins of our pages, as JSON, behind a proxy that sends another Host header",
    )

    api_token: Secret[BearerToken] | None = Field(
        None,
        description="Token that requests to the API must send (`Authorization: Bearer …`), 16 "
        "characters or more; without it the network must restrict access. `videodrop up` makes one "
        "if it listens beyond loopback",
    )
    relay: bool = Field(
        False,
        description="Whether the API itself sends files and receives parts of uploads, which it "
        "hands on to S3: for an S3 that clients cannot reach. `videodrop up` sets it",
    )
    cors_origins: frozenset[Origin] = Field(
        frozenset(),
        description="Origins of pages of other sites, as JSON, that may use the API from a browser",
    )

    beats: Path | None = Field(
        None,
        description="Folder of files that the worker and the inbox of a local stack touch while "
        "they work; `/health` names those that do not. `videodrop up` sets it",
    )

    hosts: frozenset[Hostname] | None = Field(
        None,
        description="Names, as JSON, that the API accepts in the header Host, besides IP addresses "
        "and localhost; any if not set. `videodrop up` adds this machine's own. The embedded AWS "
        "accepts them where it listens beyond loopback",
    )

    sign_in: SignIn | None = Field(
        None, description="Where the page gets tokens, as JSON, if the API has an authorizer"
    )

    stream_s: int = Field(
        3600,
        ge=0,
        description="Seconds that an answer of `GET /events` stays open; 0 where answers are not "
        "streamed, as behind API Gateway: clients then ask again every few seconds",
    )
    private_webhooks: bool = Field(
        False,
        description="Whether webhooks may be on loopback and private networks, and plain HTTP",
    )

    replay_window: int = Field(
        200, ge=1, le=1000, description="Most runs of one replay in flight at once"
    )
    max_replay_usd: float | None = Field(
        None,
        gt=0,
        description="Highest budget of a replay in USD, and that of one without a budget; any if "
        "not set",
    )

    max_bytes: int = Field(20 * 1024**3, gt=0, description="Largest upload")
    max_duration_s: float = Field(6 * 3600.0, gt=0, description="Longest video")
    max_pixels: int = Field(8192 * 4352, gt=0, description="Largest frame, width times height")
    max_streams: int = Field(32, gt=0, description="Most streams in one file")

    @field_validator("stages", mode="before")
    @classmethod
    def _separate(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        return tuple(filter(None, (one.strip() for one in given.strip("[]").split(","))))

    @cached_property
    def topology(self) -> Topology:
        """Return the topology that ``topology_path`` describes."""
        whole = Topology.read(self.topology_path)
        return whole if self.stages is None else whole.only(self.stages)

    @property
    def limits(self) -> Limits:
        """Return the largest input that this installation accepts."""
        return Limits(
            max_bytes=self.max_bytes,
            max_duration_s=self.max_duration_s,
            max_pixels=self.max_pixels,
            max_streams=self.max_streams,
        )

    def check_place(self, event: Event) -> None:
        """Check that an event about an object is about one of our uploads.

        Raises:
            BadInput: ``foreign_object``.
        """
        if isinstance(event, Upload | Deletion):
            ours, prefix = self.names.uploads_bucket, self.topology.uploads.prefix
            intake.check_place(event.bucket, event.key, ours=ours, prefix=prefix)

    @property
    def is_told(self) -> bool:
        """Return True if uploads are found or posted, so that the store sends EventBridge none."""
        return self.watch_s is not None or self.notify_token is not None

    @cached_property
    def names(self) -> Names:
        """Return the AWS names, from ``name`` and the overrides."""
        names = Names(self.name, self.topology)
        for attribute in ("uploads_bucket", "artifacts_bucket"):
            if override := getattr(self, attribute):
                setattr(names, attribute, override)
        return names
