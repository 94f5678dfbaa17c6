"""Resources and default settings of ``infra/`` that matter for costs and quotas.

They are repeated here because Terraform may not be installed. A test compares each with the
Terraform sources.
"""

from pipeline.costs.price_table import Architecture

# concurrency.tf: a stage's share, of four, of the default quota
LIVE_CONCURRENCY = 176  # compute.STAGE.live_concurrency

# variables_compute.tf, variables_access.tf
MAX_HOSTS = 4  # gpu.max_hosts
IDLE_S = 30  # gpu.idle_s
THROTTLE_RATE = 50  # throttle.rate

# modules/gpu_pool/hosts.tf
HOST_DISK_GB = 200

# Estimates of Batch, EC2 and ECS, which nobody has measured for this project.
# From a submitted job until EC2 bills its host: Batch's scheduler, and the launch.
HOST_LAUNCH_S = 45
# From then until the worker polls: the system and ECS's agent (60 s), the image of 4 GB compressed
# and 8 GB on the disk (100 s at 80 MB/s), and the start of the worker with its imports (20 s).
HOST_BOOT_S = 180
# A job on a host that is there.
JOB_START_S = 15
# From the end of its last job until Batch ends a host. AWS documents no time; its group's cooldown
# is 300 s (https://github.com/aws/aws-cdk/issues/10943).
HOST_KEPT_S = 300

# api.tf, and modules/function: query, janitor, replays and events are zips
QUERY_MEMORY_MB = 1769
ZIP_ARCHITECTURE: Architecture = "arm64"

# Metrics of alarms: of each function (errors of invocations, duration, throttles); of each stage's
# runs (all, and those that failed for another reason than their input); of each set of lanes
# (dead-lettered messages, and the age of fresh messages), a set a stage and one each of janitor,
# replays and events; of the API.
ALARM_METRICS_OF_FUNCTION = 4
ALARM_METRICS_OF_STAGE = 2
ALARM_METRICS_OF_LANES = 2
ALARM_METRICS_OF_API = 1


def alarm_metrics(stages: int, gpu_stages: int) -> int:
    """Count the metrics that alarms watch: AWS bills alarms by metric."""
    functions = stages - gpu_stages + 4
    return (
        functions * ALARM_METRICS_OF_FUNCTION
        + stages * ALARM_METRICS_OF_STAGE
        + (stages + 3) * ALARM_METRICS_OF_LANES
        + ALARM_METRICS_OF_API
    )


def mappings(stages: int, gpu_stages: int) -> int:
    """Count event source mappings: two of each Lambda stage and of events, one of others."""
    return (stages - gpu_stages) * 2 + 4
