"""Resources and default settings of ``infra/`` that matter for costs and quotas.

They are repeated here because Terraform may not be installed. A test compares each with the
Terraform sources.
"""

from pipeline.costs.price_table import Architecture

# concurrency.tf: a stage's share, of four, of the default quota
LIVE_CONCURRENCY = 176  # compute.STAGE.live_concurrency

# variables.tf
MAX_HOSTS = 4  # gpu.max_hosts, a stage
IDLE_MINUTES = 15  # gpu.idle_minutes
THROTTLE_RATE = 50  # throttle.rate

# modules/gpu_service/hosts.tf
HOST_DISK_GB = 200

# modules/gpu_service/service.tf turns on Container Insights: numbers of metrics of a cluster (8), a
# service (11) and a kind of task (6), from memory like the prices.
INSIGHTS_METRICS = 25

# modules/gpu_service/scaling.tf
COOLDOWN_MINUTES = 5  # from a worker's start until waiting messages start another

# Behaviour of ECS and EC2. A group without hosts gets two for its first task
# (https://github.com/aws/containers-roadmap/issues/1716). Hosts that no task needs stay for a
# quarter of an hour (https://github.com/aws/containers-roadmap/issues/1220). The start time of a
# host is an estimate: alarms, its system, and an image of some GB.
FIRST_HOSTS = 2
SURPLUS_MINUTES = 15
HOST_START_MINUTES = 4

# api.tf, and modules/function: query, janitor, replays and events are zips
QUERY_MEMORY_MB = 1769
ZIP_ARCHITECTURE: Architecture = "arm64"

# Metrics of alarms: of each function (errors of invocations, duration, throttles); of each stage's
# runs (all, and those that failed by five classes); of each set of lanes (dead-lettered messages,
# and the age of fresh messages), a set a stage and one each of janitor, replays and events; of the
# API.
# Those that scale the workers of a GPU stage watch waiting messages (2 queues), their age (and
# whether any waits, of each), and whether all is done (2 queues, twice). ECS makes two alarms of
# its own, to start hosts and to end them.
ALARM_METRICS_OF_FUNCTION = 4
ALARM_METRICS_OF_STAGE = 6
ALARM_METRICS_OF_LANES = 2
ALARM_METRICS_OF_API = 1
ALARM_METRICS_OF_GPU_SERVICE = 12


def alarm_metrics(stages: int, gpu_stages: int) -> int:
    """Count the metrics that alarms watch: AWS bills alarms by metric."""
    functions = stages - gpu_stages + 4
    return (
        functions * ALARM_METRICS_OF_FUNCTION
        + stages * ALARM_METRICS_OF_STAGE
        + (stages + 3) * ALARM_METRICS_OF_LANES
        + gpu_stages * ALARM_METRICS_OF_GPU_SERVICE
        + ALARM_METRICS_OF_API
    )


def mappings(stages: int, gpu_stages: int) -> int:
    """Count event source mappings: two of each Lambda stage and of events, one of others."""
    return (stages - gpu_stages) * 2 + 4
