# The driver of replays: plans them, asks for runs by the bus, and counts what has ended.

locals {
  replays = "${var.name}-replays"
  # As the stages' images install them.
  engines = {
    for package in ["openai-whisper", "ultralytics"] :
    package => one(regex("(?m)^${package}==(\\S+)", file("${path.module}/../constraints.txt")))
  }
}

module "replays_lanes" {
  source = "./modules/lanes"

  dead_letters = "${local.replays}-dlq"
  timeout_s    = local.topology.replays.timeout_s
  queues       = local.topology.queues
  arn_prefix   = local.sqs
  alarm_topic  = aws_sns_topic.alarms.arn

  lanes = {
    (local.replays) = {
      alarm_age_s = var.oldest_message_s
      feeds = {
        (local.replays) = {
          bus = aws_cloudwatch_event_bus.own.name
          pattern = jsonencode({
            source      = [local.topology.replays.source]
            detail-type = [local.topology.replays.detail_type]
          })
        }
      }
    }
  }
}

module "replays" {
  source = "./modules/function"

  name         = local.replays
  description  = "The driver of replays"
  handler      = "handlers.replays.handler"
  zip          = { path = var.functions.zip, runtime = var.functions.runtime }
  architecture = var.functions.architecture
  timeout_s    = local.topology.replays.timeout_s
  memory_mb    = local.topology.replays.memory_mb
  common       = local.common
  # It plans what the stages will do, and holds none of their engines.
  environment = { VIDEODROP_ENGINES = jsonencode(local.engines) }
  queues      = { live = { arn = module.replays_lanes.queues[local.replays].arn, maximum_concurrency = 5 } }

  statements = [
    {
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      Resource = [local.table_arn]
    },
    {
      # By these it finds the videos that a replay selects.
      Action   = ["dynamodb:Query"]
      Resource = [for index in ["failures", "labels", "uploads"] : "${local.table_arn}/index/${index}"]
    },
    {
      # For HeadObject: the options that an upload came with.
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = ["${local.uploads_arn}/${local.topology.uploads.prefix}*"]
    },
    {
      # It compares the results of shadow runs.
      Action   = ["s3:GetObject"]
      Resource = ["${local.artifacts_arn}/artifacts/*"]
    },
    {
      # Without it S3 answers 403 for an object that is not there, instead of 404.
      Action   = ["s3:ListBucket"]
      Resource = [local.uploads_arn, local.artifacts_arn]
    },
    {
      # A turn keeps its message to itself.
      Action   = ["sqs:ChangeMessageVisibility", "sqs:GetQueueUrl"]
      Resource = [module.replays_lanes.queues[local.replays].arn]
    },
    {
      # Whether a lane is empty although a run is out.
      Action = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
      Resource = flatten([
        for name, stage in module.stage : [
          for lane in ["replay", "large-replay"] : stage.queues["${var.name}-${name}-${lane}"].arn
          if lane == "replay" || contains(local.oversize, name)
        ]
      ])
    },
    local.put_events,
  ]
}

# A turn of a minute ends by asking for the next one, by bus and queue, until the replay is over: Lambda
# shall not take that for a loop gone wild, which it stops at the 16th.
resource "aws_lambda_function_recursion_config" "replays" {
  # moto has never heard of it.
  count = var.local ? 0 : 1

  function_name  = module.replays.name
  recursive_loop = "Allow"
}
