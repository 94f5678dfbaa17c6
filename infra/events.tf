# Events out: the log that `GET /events` reads, and webhooks.

locals {
  events_name = "${var.name}-events"
  webhooks    = "${local.events_name}-webhooks"
}

module "events_lanes" {
  source = "./modules/lanes"

  dead_letters = "${local.events_name}-dlq"
  timeout_s    = local.topology.events.timeout_s
  queues       = local.topology.queues
  arn_prefix   = local.sqs
  alarm_topic  = aws_sns_topic.alarms.arn

  lanes = {
    (local.events_name) = {
      alarm_age_s = var.oldest_message_s
      feeds = {
        (local.events_name) = {
          bus = aws_cloudwatch_event_bus.own.name
          pattern = jsonencode({
            source      = [local.topology.events.source]
            detail-type = local.topology.events.detail_types
          })
        }
        "${local.events_name}-uploads" = { pattern = local.patterns.created }
      }
    }
    # Deliveries that failed wait for their next try: their age has no alarm.
    (local.webhooks) = { feeds = {} }
  }
}

module "events" {
  source = "./modules/function"

  name         = local.events_name
  description  = "Events out: their log, and webhooks"
  handler      = "handlers.events.handler"
  zip          = { path = var.functions.zip, runtime = var.functions.runtime }
  architecture = var.functions.architecture
  timeout_s    = local.topology.events.timeout_s
  memory_mb    = local.topology.events.memory_mb
  common       = local.common

  reserved_concurrency = local.reservation.events

  queues = {
    live     = { arn = module.events_lanes.queues[local.events_name].arn, maximum_concurrency = 2 }
    webhooks = { arn = module.events_lanes.queues[local.webhooks].arn, maximum_concurrency = 10 }
  }

  statements = [
    {
      Action   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]
      Resource = [local.table_arn]
    },
    {
      # A message that could not be handled is to come again within seconds.
      Action   = ["sqs:ChangeMessageVisibility", "sqs:GetQueueUrl"]
      Resource = values(module.events_lanes.queues)[*].arn
    },
    local.request_deliveries,
    local.put_events,
  ]
}

locals {
  # Each try of a delivery is requested by a message.
  request_deliveries = {
    Action   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
    Resource = [module.events_lanes.queues[local.webhooks].arn]
  }
}
