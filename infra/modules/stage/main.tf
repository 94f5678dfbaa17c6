# One stage: its queues and rules, and the receiver of the messages.

locals {
  name    = "${var.prefix}-${var.stage}"
  live    = local.name
  replay  = "${local.name}-replay"
  queues  = module.lanes.queues
  on_gpu  = var.compute.host == "gpu"
  setting = { VIDEODROP_STAGE = var.stage }

  # A message ages while its run is in progress, too.
  oldest_s = var.oldest_message_s + (local.on_gpu ? var.worker_timeout_s : 0)

  statements = [
    {
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = ["${var.data.uploads_bucket}/${var.data.uploads_prefix}*"]
    },
    {
      # GetObject is for a stored result: to check that it exists, and to copy another video's. Workers
      # that share a run read its files, too, and delete at the end what its result does not contain.
      Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      Resource = ["${var.data.artifacts_bucket}/artifacts/*/*/${var.stage}/*"]
    },
    {
      # Without it S3 answers 403 for a missing object, instead of 404. Artifacts are listed to delete
      # what a run has left.
      Action   = ["s3:ListBucket"]
      Resource = [var.data.uploads_bucket, var.data.artifacts_bucket]
    },
    {
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      Resource = [var.data.table]
    },
    {
      # A run extends the visibility timeout of its message.
      Action   = ["sqs:ChangeMessageVisibility", "sqs:GetQueueUrl"]
      Resource = values(local.queues)[*].arn
    },
    {
      # It tells how its runs end, and requests nothing on the bus.
      Action   = ["events:PutEvents"]
      Resource = [var.data.bus]
      Condition = {
        StringEquals = {
          "events:source"      = ["videodrop"]
          "events:detail-type" = ["Stage Succeeded", "Stage Skipped", "Stage Failed"]
        }
      }
    },
  ]

  # The function requests ranges of its runs; workers may send to their queues anyway.
  sending = {
    Action   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
    Resource = values(local.queues)[*].arn
  }
}

module "lanes" {
  source = "../lanes"

  dead_letters = "${local.name}-dlq"
  timeout_s    = var.spec.timeout_s
  queues       = var.queues
  arn_prefix   = var.data.sqs
  alarm_topic  = var.common.alarm_topic

  lanes = {
    (local.live) = {
      alarm_age_s = local.oldest_s
      feeds       = { (local.live) = { pattern = var.patterns.created } }
    }
    # Replays may wait long: their age has no alarm.
    (local.replay) = {
      feeds = {
        (local.replay)          = { pattern = var.patterns.reprocess, bus = var.bus }
        "${local.name}-archive" = { pattern = var.patterns.replayed }
      }
    }
  }
}

module "function" {
  source = "../function"
  count  = local.on_gpu ? 0 : 1

  name                    = local.name
  description             = "The stage ${var.stage}"
  handler                 = "handlers.stage.handler"
  image                   = var.compute.image
  architecture            = var.compute.architecture
  timeout_s               = var.spec.timeout_s
  memory_mb               = coalesce(var.compute.memory_mb, var.spec.memory_mb)
  scratch_mb              = 10240
  environment             = merge(var.common.settings, local.setting)
  statements              = concat(local.statements, [local.sending])
  provisioned_concurrency = var.compute.provisioned_concurrency
  rollback_alarms         = [aws_cloudwatch_metric_alarm.failures.alarm_name]
  common                  = var.common

  queues = {
    live   = { arn = local.queues[local.live].arn, maximum_concurrency = var.compute.live_concurrency }
    replay = { arn = local.queues[local.replay].arn, maximum_concurrency = var.compute.replay_concurrency }
  }
}

module "warm_up" {
  source = "../schedule"
  count  = var.compute.warm_up == null ? 0 : 1

  name         = "${local.name}-warm-up"
  description  = "Loads the model of ${local.name}"
  expression   = var.compute.warm_up
  function_arn = module.function[0].live.arn
  input        = jsonencode({ warm_up = true })

  permissions_boundary = var.common.permissions_boundary
}
