"""Patches for moto's EventBridge: the delivery of an event to the targets of a rule."""

import copy
import logging
from functools import wraps
from typing import Any

from moto.events.models import Rule

from pipeline.hosts.local.moto_patches.patch import Function, Patch

log = logging.getLogger(__name__)


def isolate_targets(send_to_targets: Function) -> Function:
    """Send an event to each target of a rule, even if another target fails.

    moto also sends for disabled rules and for schedules, and stops at the first target that fails.
    It ignores input transformers for S3's events. It adds an ``ingestion-time``, which EventBridge
    offers to transformers only.
    """

    @wraps(send_to_targets)
    def patched(self: Rule, event: dict[str, Any], **_: Any) -> None:
        scheduled = self.scheduled_expression and not self.event_pattern.get_pattern()
        if self.state == "DISABLED" or scheduled:
            return
        for target in list(self.targets):
            one = copy.copy(self)
            one.targets = [target]
            transforms = "InputTransformer" in target
            own = copy.deepcopy(event)
            if not transforms:
                own.pop("ingestion-time", None)
            try:
                send_to_targets(one, own, transform_input=transforms)
            except Exception:
                # Delivery is asynchronous on AWS: the sender gets no error.
                log.exception("EventBridge rule %s could not reach %s", self.name, target["Arn"])

    return patched


PATCHES = (Patch(Rule, "send_to_targets", isolate_targets),)
