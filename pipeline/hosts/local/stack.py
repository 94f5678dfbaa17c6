"""The whole pipeline on one machine, as ``videodrop up`` runs it.

    server   the embedded AWS, unless AWS_ENDPOINT_URL is set
    worker   the host of the handlers
    api      the query API and the page
    inbox    a thread of this process

A part that ends is restarted; after too many restarts within ten minutes the whole stack ends.
Everything it starts ends with it, even when it is killed.
"""

import json
import logging
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.core import beats
from pipeline.core.errors import MissingDependency
from pipeline.core.settings import Settings
from pipeline.hosts.local import network
from pipeline.hosts.local.credentials import Credentials
from pipeline.hosts.local.home_lock import locked
from pipeline.hosts.local.inbox import Inbox
from pipeline.hosts.local.inbox_thread import InboxThread
from pipeline.hosts.local.part import Part
from pipeline.hosts.stack_file import StackFile, announced

log = logging.getLogger(__name__)

AWS_PORT = 4599
_START_S = 60.0
_LOOK_S = 0.25
_ANSWER_S = 2.0
# Above the worker's own grace period for a running invocation and its longest poll.
_STOP_S = 20.0
_REGION = "us-east-1"
_INSTALLATION = (
    *("VIDEODROP_NAME", "VIDEODROP_STAGES", "VIDEODROP_TOPOLOGY"),
    *("VIDEODROP_UPLOADS_BUCKET", "VIDEODROP_ARTIFACTS_BUCKET", "VIDEODROP_STORE_PROFILE"),
)
_SERVICES = ("S3", "SQS", "EVENTBRIDGE", "DYNAMODB")


class Stack:
    """The whole pipeline, from one home directory.

    Args:
        settings: names, topology and home.
        host: address the API listens on.
        port: port the API listens on; another one if it is in use.
        aws_port: the same for the embedded AWS, which listens on loopback only.
        tell: called with a sentence about each step.
        ready: called with the addresses once everything is up.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        host: str = "127.0.0.1",
        port: int = 8080,
        aws_port: int = AWS_PORT,
        tell: Callable[[str], None] = log.info,
        ready: Callable[[StackFile], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._home = settings.home.resolve()
        self._host = host
        self._port = port
        self._aws_port = aws_port
        self._tell = tell
        self._ready = ready
        self._stopping = threading.Event()
        self._parts: list[Part] = []

    def run(self) -> None:
        """Start everything, and keep it up until SIGINT or SIGTERM.

        Raises:
            AlreadyRunning: ``already_running``.
            PartFailed: ``part_failed``; everything else has been stopped.
            MissingDependency: the saved state cannot be used.
            DependencyFailed: AWS rejected a request, or AWS_ENDPOINT_URL cannot be reached.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        with ExitStack() as leaving:
            leaving.enter_context(locked(self._home))
            leaving.callback(self._end)
            (self._home / "logs").mkdir(exist_ok=True)
            self._reset_signs()
            environment = self._aws()
            self._tell("Preparing buckets, queues, rules and table …")
            try:
                resources.ensure(self._settings)
            except aws.ERRORS as error:
                raise aws.as_failure(error) from error
            self._tell("Starting the workers and the API …")
            self._add("worker", "pipeline.hosts.worker")
            if self._settings.watch_s is not None:
                self._add("watcher", "pipeline.hosts.watcher")
            # This process keeps the port, also while the API restarts.
            listener = leaving.enter_context(network.listener(self._host, self._port))
            port = listener.getsockname()[1]
            token = self._token()
            self._add_api(listener, token)
            self._await_api(port)
            inbox = self._watch_inbox(leaving)
            url = f"http://{network.reachable(self._host)}:{port}"
            endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
            stack_file = StackFile(
                pid=os.getpid(),
                endpoint=endpoint,
                api_url=url,
                lan_urls=[f"http://{one}:{port}" for one in network.addresses(self._host)],
                token=token,
                inbox=inbox,
                environment=environment | self._installation(),
            )
            leaving.enter_context(announced(stack_file, self._home))
            if not self._stopping.is_set():
                self._tell(f"Ready. Drop videos into {inbox}, and see them at {url}. Ctrl-C stops.")
                self._ready(stack_file)
            while not self._stopping.wait(_LOOK_S):
                self._restart_parts()
                self._watch.restart(self._tell)
            self._tell("Stopping …")

    def _installation(self) -> dict[str, str]:
        """Return the settings that commands in other folders need to mean this installation."""
        found = {name: os.environ[name] for name in _INSTALLATION if name in os.environ}
        if "VIDEODROP_TOPOLOGY" in found:
            found["VIDEODROP_TOPOLOGY"] = str(self._settings.topology_path.resolve())
        return found

    def stop(self) -> None:
        """Have ``run`` stop everything and return."""
        self._stopping.set()

    def _reset_signs(self) -> None:
        """Have all parts write metrics and beats to new files, which the API reads."""
        counts = self._home / "metrics"
        shutil.rmtree(counts, ignore_errors=True)
        counts.mkdir()
        beats.begin(alive := self._home / "beats")
        os.environ.update(PROMETHEUS_MULTIPROC_DIR=str(counts), VIDEODROP_BEATS=str(alive))

    def _aws(self) -> dict[str, str]:
        """Configure AWS for this process and its children; return the variables for others."""
        if "AWS_ENDPOINT_URL" in os.environ:
            self._tell(f"Using AWS at {os.environ['AWS_ENDPOINT_URL']}.")
            return {}
        self._tell("Starting the embedded AWS …")
        # Override all settings of a real account: keys, profiles and endpoints.
        credentials = Credentials(self._home / "aws.config", _REGION, self._store())
        environment = {
            "AWS_ACCESS_KEY_ID": credentials.keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.keys.secret_access_key,
            "AWS_SESSION_TOKEN": "",
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_PROFILE": "default",
            "AWS_CONFIG_FILE": str(credentials.path),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        }
        os.environ.update(environment)
        state = str(self._home / "aws")
        server = self._add("server", "pipeline.hosts.local.server", state, str(self._aws_port))
        endpoint = self._endpoint(server)
        # A restart must use the same address.
        server.command = ("pipeline.hosts.local.server", state, endpoint.rpartition(":")[2])
        credentials.set_endpoint(endpoint)
        names = ("AWS_ENDPOINT_URL", *(f"AWS_ENDPOINT_URL_{service}" for service in _SERVICES))
        # The endpoint of a single service may be set already, for example for another DynamoDB.
        environment |= {name: os.environ.get(name) or endpoint for name in names}
        for name in names:
            if environment[name] != endpoint:
                self._tell(f"{name} is set: using {environment[name]} for that service.")
        os.environ.update(environment)
        return environment

    def _store(self) -> dict[str, dict[str, str]]:
        """Return the profile of the user's own store of files, which is then the only one left."""
        if not (name := self._settings.store_profile):
            return {}
        given = aws.store_options()
        self._tell(f"Files are in the store at {given['endpoint_url']}.")
        given["region"] = given.pop("region_name")
        return {name: given}

    def _token(self) -> str | None:
        """Return the token of the API; None if only this machine reaches it, and none is set."""
        if secret := self._settings.api_token:
            return secret.get_secret_value()
        if network.is_beyond_loopback(self._host):
            return network.token(self._home / "api.token")
        return None

    def _add_api(self, listener: socket.socket, token: str | None) -> None:
        """Start the API, which sends files itself and answers at names of this machine only."""
        origins = (urlsplit(origin).hostname or "" for origin in self._settings.public_origins)
        machine = socket.gethostname().lower()
        names = {machine, f"{machine}.local", self._host, *origins, *(self._settings.hosts or ())}
        own = {
            "VIDEODROP_HOSTS": json.dumps(sorted(filter(None, names))),
            "VIDEODROP_RELAY": "true",
        }
        if token:
            own["VIDEODROP_API_TOKEN"] = token
        number = listener.fileno()
        self._add("api", "pipeline.api.server", str(number), environment=own, pass_fds=[number])

    def _endpoint(self, server: Part) -> str:
        """Return the endpoint that the server announces, after passing on its message."""
        line = server.announced(_START_S)
        if "error" in line:
            raise MissingDependency("state_unusable", line["error"])
        if "endpoint" not in line:
            raise server.failed()
        if line["message"]:
            self._tell(line["message"])
        return str(line["endpoint"])

    def _add(self, name: str, module: str, *args: str, **options: Any) -> Part:
        part = Part(name, (module, *args), self._home / "logs" / f"{name}.log", **options)
        self._parts.append(part)
        part.start()
        return part

    def _await_api(self, port: int) -> None:
        end = time.monotonic() + _START_S
        while not self._stopping.is_set():
            if network.answers(self._host, port, _ANSWER_S):
                return
            self._restart_parts()
            if time.monotonic() > end:
                raise self._parts[-1].failed()

    def _watch_inbox(self, leaving: ExitStack) -> Path:
        adder = bootstrap.adder(self._settings)
        uploads = bootstrap.uploads(self._settings)
        catalog = bootstrap.catalog(self._settings)

        def lost(keys: set[str]) -> set[str]:
            try:
                return uploads.lost(keys, catalog)
            except aws.ERRORS:
                log.warning("cannot see which files of the inbox were lost", exc_info=True)
                return set()

        inbox = Inbox(
            self._home / "inbox", self._home / "inbox.journal", adder, self._tell, lost=lost
        )
        self._watch = InboxThread(inbox, self._home / "beats" / beats.INBOX)
        leaving.callback(self._watch.end, _STOP_S)
        return inbox.folder

    def _restart_parts(self) -> None:
        """Restart the parts that have ended, and pass on what the others say."""
        for part in self._parts:
            if message := part.announced(0).get("message"):
                self._tell(message)
            if part.child.returncode is None:
                continue
            part.restart(time.monotonic())
            self._tell(f"The {part.name} ended unexpectedly; starting it again. See {part.log}.")
            if part.name == "server" and self._endpoint(part) != os.environ["AWS_ENDPOINT_URL"]:
                raise part.failed()

    def _end(self) -> None:
        """Stop the parts in reverse order: the server ends after all that write to it."""
        for part in reversed(self._parts):
            part.child.stop(_STOP_S)
