"""Patches that make moto 5.2.5 answer as AWS does, one module per service; one saves time.

Each patch is a function that takes moto's function and returns the one to replace it. Addresses in
its docstring point to AWS's description of the behaviour.
"""

from pipeline.hosts.local.moto_patches import dynamodb, events, noted, s3, services, sqs


def apply() -> None:
    """Apply every patch, in this process."""
    # Those that note come first, so that the others work through them.
    for service in (noted, s3, events, sqs, dynamodb, services):
        for patch in service.PATCHES:
            patch.apply()
