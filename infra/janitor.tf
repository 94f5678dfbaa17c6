# The janitor: ends lost runs, wakes stalled runs, forgotten replays and GPU hosts, and removes
# deleted videos.

locals {
  janitor = "${var.name}-janitor"
}

module "janitor_lanes" {
  source = "./modules/lanes"

  dead_letters = "${local.janitor}-dlq"
  timeout_s    = local.topology.janitor.timeout_s
  queues       = local.topology.queues
  arn_prefix   = local.sqs
  alarm_topic  = aws_sns_topic.alarms.arn

  lanes = {
    (local.janitor) = {
      alarm_age_s = var.oldest_message_s
      feeds       = { (local.janitor) = { pattern = local.patterns.deleted } }
    }
  }
}

module "janitor" {
  source = "./modules/function"

  name         = local.janitor
  description  = "The janitor: lost runs, forgotten replays, deleted videos"
  handler      = "handlers.janitor.handler"
  zip          = { path = var.functions.zip, runtime = var.functions.runtime }
  architecture = var.functions.architecture
  timeout_s    = local.topology.janitor.timeout_s
  memory_mb    = local.topology.janitor.memory_mb
  common       = local.common

  reserved_concurrency = local.reservation.janitor

  queues = { live = { arn = module.janitor_lanes.queues[local.janitor].arn, maximum_concurrency = 2 } }

  environment = local.pool

  statements = concat(local.start_hosts, [
    {
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      Resource = [local.table_arn]
    },
    {
      Action   = ["dynamodb:Query"]
      Resource = ["${local.table_arn}/index/leases"]
    },
    {
      # What is left of deleted videos.
      Action   = ["s3:DeleteObject"]
      Resource = ["${local.artifacts_arn}/artifacts/*"]
    },
    {
      Action   = ["s3:ListBucket"]
      Resource = [local.artifacts_arn]
    },
    {
      # A message that could not be handled is to come again within seconds.
      Action   = ["sqs:ChangeMessageVisibility", "sqs:GetQueueUrl"]
      Resource = [module.janitor_lanes.queues[local.janitor].arn]
    },
    {
      # It inspects dead-lettered messages and returns them.
      Action   = ["sqs:ChangeMessageVisibility", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
      Resource = [for stage in values(module.stage) : stage.dead_letters.arn]
    },
    {
      # It has the ranges of a stalled run requested again, if the run's queue is empty.
      Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
      Resource = flatten([for stage in values(module.stage) : values(stage.queues)[*].arn])
    },
    local.put_events,
  ])
}

module "janitor_schedule" {
  source = "./modules/schedule"

  name         = local.janitor
  description  = "The janitor's schedule"
  expression   = local.janitor_minutes == 1 ? "rate(1 minute)" : "rate(${local.janitor_minutes} minutes)"
  function_arn = module.janitor.live.arn
  input        = jsonencode({})

  permissions_boundary = var.permissions_boundary
}

locals {
  # Schedules have a resolution of minutes.
  janitor_minutes = ceil(local.topology.janitor.every_s / 60)

  put_events = {
    Action    = ["events:PutEvents"]
    Resource  = [aws_cloudwatch_event_bus.own.arn]
    Condition = { StringEquals = { "events:source" = distinct([local.topology.reprocess.source, local.topology.replays.source]) } }
  }
}
