# The replay driver: plans replays, requests runs by the bus, and counts ended runs.

locals {
  replays = "${var.name}-replays"
  # As the stages' images install them.
  engines = {
    for package in ["ctranslate2", "onnxruntime", "openai-whisper", "ultralytics"] :
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
  description  = "The replay driver"
  handler      = "handlers.replays.handler"
  zip          = { path = var.functions.zip, runtime = var.functions.runtime }
  architecture = var.functions.architecture
  timeout_s    = local.topology.replays.timeout_s
  memory_mb    = local.topology.replays.memory_mb
  common       = local.common

  reserved_concurrency = local.reservation.replays

  # It plans the stages' runs without their engines.
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
      # To find the videos that a replay selects.
      Action   = ["dynamodb:Query"]
      Resource = [for index in ["failures", "labels", "uploads"] : "${local.table_arn}/index/${index}"]
    },
    {
      # For HeadObject: the options of an upload.
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = ["${local.uploads_arn}/${local.topology.uploads.prefix}*"]
    },
    {
      # To compare the results of shadow runs.
      Action   = ["s3:GetObject"]
      Resource = ["${local.artifacts_arn}/artifacts/*"]
    },
    {
      # Without it S3 answers 403 for a missing object, instead of 404.
      Action   = ["s3:ListBucket"]
      Resource = [local.uploads_arn, local.artifacts_arn]
    },
    {
      # A turn extends the visibility timeout of its message.
      Action   = ["sqs:ChangeMessageVisibility", "sqs:GetQueueUrl"]
      Resource = [module.replays_lanes.queues[local.replays].arn]
    },
    {
      # To detect an empty lane while a run is requested.
      Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
      Resource = [for name, stage in module.stage : stage.queues["${var.name}-${name}-replay"].arn]
    },
    local.put_events,
  ]
}

# Each turn of a minute requests the next one, by bus and queue, until the replay is over. Lambda must
# allow this loop: by default it stops a recursive loop at the 16th call.
resource "aws_lambda_function_recursion_config" "replays" {
  # moto does not support it.
  count = var.local ? 0 : 1

  function_name  = module.replays.name
  recursive_loop = "Allow"
}
