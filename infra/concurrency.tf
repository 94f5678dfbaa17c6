# Lambda's executions at once: some are reserved for what must never wait, stages share the rest.

data "aws_servicequotas_service_quota" "concurrency" {
  # moto does not know Lambda's quotas.
  count = var.concurrency.quota == null && !var.local ? 1 : 0

  service_code = "lambda"
  quota_code   = "L-B99A9384" # "Concurrent executions"
}

locals {
  quota = coalesce(var.concurrency.quota, one(data.aws_servicequotas_service_quota.concurrency[*].value), 1000)

  # The API: a burst at most, and a tenth. The others: what their queues and their schedule start.
  reserved = {
    query   = min(var.throttle.burst, floor(local.quota / 10))
    events  = 12
    janitor = 3
    replays = 5
  }
  reservation = {
    for function, executions in local.reserved : function => var.concurrency.reserve ? executions : -1
  }

  # Lambda leaves so many of an account unreserved.
  unreserved = 100
  rest       = local.quota - (var.concurrency.reserve ? sum(values(local.reserved)) : 0)
  reservable = !var.concurrency.reserve || local.rest >= local.unreserved

  # Of each stage: together nine tenths of the rest, of which replays have the smaller part. Lambda's
  # smallest maximum of a queue is 2, its largest 1000.
  stages             = length(local.topology.stages)
  live_concurrency   = max(2, min(1000, floor(0.8 * local.rest / local.stages)))
  replay_concurrency = max(2, min(1000, floor(0.1 * local.rest / local.stages)))
}
