"""Every environment variable, in one typed place.

Ordinary AWS settings (``AWS_ENDPOINT_URL``, ``AWS_REGION``, credentials, profiles) are boto3's own
and are not repeated here.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Secret, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.core.media_info import Limits
from pipeline.core.topology import DEFAULT_PATH, Names, Topology

PRICES = Path(__file__).parents[1] / "costs" / "prices.json"

# As browsers write it: in lower case, without a path; neither "null" nor "*".
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[^/*A-Z]+$")]
# As in the header Host, without a port.
Hostname = Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]+$", to_lower=True)]
# Files of secrets often end with a line break, which no header can hold.
Token = Annotated[str, StringConstraints(strip_whitespace=True, min_length=16)]


# One address that a content security policy may name: no parameter, no wildcard, nothing that ends
# a directive.
Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s;,'\"?#*]+$")]


class CdnSettings(BaseModel):
    """The distribution before the artifacts bucket, and who signs for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str = Field(description="Its host name, e.g. d111111abcdef8.cloudfront.net")
    key_id: str = Field(description="Of the public key in its trusted key group")
    key_parameter: str = Field(description="SSM parameter that holds the private key, in PEM")


class SignIn(BaseModel):
    """Where people get tokens: an OAuth 2.0 client that keeps no secret, and its provider."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    authorize: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] = Field(
        description="The authorization endpoint; parameters of its own may follow"
    )
    token: Address = Field(description="The token endpoint")
    client_id: str = Field(description="The page's, by the authorization code flow with PKCE")
    scope: str = Field("openid", description="What is asked for")


class Settings(BaseSettings):
    """Settings from ``VIDEODROP_*``; each field says its unit.

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
    prices_path: Path = Field(
        PRICES,
        validation_alias="VIDEODROP_PRICES",
        description="The price table of estimates, in the form of the one by default",
    )
    uploads_bucket: str | None = Field(None, description="Overrides the name from the prefix")
    artifacts_bucket: str | None = Field(None, description="Overrides the name from the prefix")
    home: Path = Field(
        Path(".videodrop"), description="Where the embedded stack keeps state, inbox and logs"
    )
    scratch: Path | None = Field(None, description="Work directories; the system's own by default")
    model_dir: Path = Field(
        Path.home() / ".cache" / "videodrop" / "models",
        description="Where official weights are kept once downloaded",
    )
    params: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Stage parameters other than the defaults"
    )

    telemetry: Literal["local", "aws"] = Field(
        "local",
        description="Where logs, metrics and traces go: to people at this machine, or to "
        "CloudWatch and X-Ray, on Lambda and ECS",
    )

    stage: str | None = Field(None, description="The stage this process hosts (handlers/stage.py)")
    threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="CPU threads for this stage"
    )
    replay_concurrency: int = Field(
        1,
        ge=0,
        description="Children a stage that a worker has for replays; with 0 it serves none",
    )
    large: frozenset[str] = Field(
        frozenset(),
        description="Stages, as a JSON list, that have lanes of their own for jobs which outgrow "
        "the deadline or the disk of those that take them first",
    )
    engines: dict[str, str] = Field(
        default_factory=dict,
        description="Versions of engines that are installed on the stages' hosts and not on this "
        "one, by package: for a host that plans runs and makes none",
    )
    device: str = Field("auto", description="torch device: auto, cpu, cuda, cuda:1, …")

    drain_s: float = Field(
        10, ge=0, description="What a worker that is told to stop leaves its jobs to end in"
    )
    push_token: Secret[Token] | None = Field(
        None,
        description="What senders of events by HTTP have to know (worker/server.py), 16 "
        "characters or more; without it the host has to see to it who reaches this one",
    )

    lease_s: int = Field(60, ge=3, description="A stage run not heard of for so long is lost")
    redelivery_s: int = Field(
        6 * 900,
        ge=1,
        description="Longest time from a lost lease to the next delivery of its message: the "
        "queues' visibility timeout on AWS",
    )
    max_attempts: int = Field(3, ge=1, description="Claims of one stage run before it fails")
    presign_s: int = Field(
        3600, ge=60, le=7 * 86400, description="How long signed URLs last; S3 takes a week at most"
    )
    cdn: CdnSettings | None = Field(
        None, description="CloudFront before the artifacts, e.g. VIDEODROP_CDN__DOMAIN"
    )
    public_origins: frozenset[Origin] = Field(
        frozenset(),
        description="Origins of our pages, as JSON, that a proxy shows while asking us by a Host "
        "of its own",
    )

    hosts: frozenset[Hostname] | None = Field(
        None,
        description="Names, as JSON, by which the API may be asked for in the header Host, beside "
        "IP addresses and localhost; without them any. `videodrop up` adds this machine's own",
    )

    sign_in: SignIn | None = Field(
        None, description="Where the page gets tokens, as JSON, if an authorizer is before the API"
    )

    replay_window: int = Field(
        200, ge=1, le=1000, description="Most runs that one replay has out at once"
    )

    max_bytes: int = Field(20 * 1024**3, description="Largest upload")
    max_duration_s: float = Field(6 * 3600.0, description="Longest video")
    max_pixels: int = Field(8192 * 4352, description="Largest frame, width times height")
    max_streams: int = Field(32, description="Most streams in one file")

    @cached_property
    def topology(self) -> Topology:
        """The house as ``topology_path`` draws it."""
        return Topology.read(self.topology_path)

    @property
    def limits(self) -> Limits:
        """The largest input this installation takes."""
        return Limits(
            max_bytes=self.max_bytes,
            max_duration_s=self.max_duration_s,
            max_pixels=self.max_pixels,
            max_streams=self.max_streams,
        )

    @cached_property
    def names(self) -> Names:
        """AWS names, from ``name`` and the overrides."""
        names = Names(self.name, self.topology)
        for attribute in ("uploads_bucket", "artifacts_bucket"):
            if override := getattr(self, attribute):
                setattr(names, attribute, override)
        return names
