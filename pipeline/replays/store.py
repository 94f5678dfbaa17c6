"""Replays in the catalog's table, and the events that wake their driver."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from pipeline import aws
from pipeline.catalog.runs import overdue
from pipeline.catalog.table import ConditionFailed, Table, epoch_key, iso
from pipeline.errors import BadInput, Busy, DependencyFailed, LeaseLost
from pipeline.replays.records import OVER, Replay, Wish
from pipeline.replays.request import ReplayRequest
from pipeline.topology import ReplaysSpec

_PK = "#replays"
_SHARD = "0"  # replays are few: one partition of the index of leases does
