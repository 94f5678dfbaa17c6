# One stage: its queues and rules, and the receiver of the messages.

locals {
  name    = "${var.prefix}-${var.stage}"
  live    = local.name
  replay  = "${local.name}-replay"
  queues  = module.lanes.queues
  large   = var.compute.oversize ? ["${local.name}-large", "${local.name}-large-replay"] : []
  on_gpu  = var.compute.host == "gpu"
  setting = { VIDEODROP_STAGE = var.stage }

  # Lambda's /tmp has at most 10 GB, for the source and twice as much of renditions. Larger sources
  # are rejected, unless there are workers for them.
  fits = { for name in ["VIDEODROP_MAX_BYTES"] : name => tostring(3 * pow(1024, 3)) if !var.compute.oversize }

  statements = [
    {
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = ["${var.data.uploads_bucket}/${var.data.uploads_prefix}*"]
    },
    {
      # GetObject is for HeadObject: to check that a stored result exists.
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = ["${var.data.artifacts_bucket}/artifacts/*/*/${var.stage}/*"]
    },
    {
      # Without it S3 answers 403 for a missing object, instead of 404.
      Action   = ["s3:ListBucket"]
      Resource = [var.data.uploads_bucket, var.data.artifacts_bucket]
    },
    {
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      Resource = [var.data.table]
    },
  ]

  # A run extends the visibility timeout of its message.
  keeping = {
    for host, names in { usual = local.on_gpu ? keys(local.queues) : [local.live, local.replay], large = local.large } :
    host => [{
      Action   = ["sqs:ChangeMessageVisibility", "sqs:GetQueueUrl"]
      Resource = [for name in names : local.queues[name].arn]
    }]
  }

  # The function forwards large jobs; workers may send to all of their queues anyway.
  sending = [
    for queues in [local.large] : {
      Action   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
      Resource = [for name in queues : local.queues[name].arn]
    } if var.compute.oversize && !local.on_gpu
  ]
}

module "lanes" {
  source = "../lanes"

  dead_letters = "${local.name}-dlq"
  timeout_s    = var.spec.timeout_s
  queues       = var.queues
  arn_prefix   = var.data.sqs
  alarm_topic  = var.common.alarm_topic

  lanes = merge({
    (local.live) = {
      alarm_age_s = var.oldest_message_s
      feeds       = { (local.live) = { pattern = var.patterns.created } }
    }
    # Replays may wait long: their age has no alarm.
    (local.replay) = {
      feeds = {
        (local.replay)          = { pattern = var.patterns.reprocess, bus = var.bus }
        "${local.name}-archive" = { pattern = var.patterns.replayed }
      }
    }
    }, {
    # Forwarded messages; each stays until its job, possibly of hours, is done.
    for name in local.large : name => {
      alarm_age_s = endswith(name, "-replay") ? null : var.large.timeout_s + var.oldest_message_s
      feeds       = {}
    }
  })
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
  environment             = merge(local.fits, var.common.settings, local.setting)
  statements              = concat(local.statements, local.keeping.usual, local.sending)
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
}

module "gpu_service" {
  source = "../gpu_service"
  # moto's ECS loses capacity providers.
  count = local.on_gpu && !var.common.local ? 1 : 0

  name           = local.name
  command        = ["handlers.stage.handler"] # of VIDEODROP_STAGE
  image          = var.compute.image
  memory_mb      = var.spec.memory_mb
  environment    = local.setting
  statements     = concat(local.statements, local.keeping.usual)
  queues         = { for name, queue in local.queues : name => queue.arn }
  hosts          = var.gpu
  rollback_alarm = aws_cloudwatch_metric_alarm.failures.alarm_name
  repository_arn = var.gpu_repository_arn
  common         = var.common
}

# The workers for large jobs of a stage on Lambda; on GPU hosts, its own workers do them.
module "large" {
  source = "../gpu_service"
  count  = var.compute.oversize && !local.on_gpu && !var.common.local ? 1 : 0

  name           = "${local.name}-large"
  command        = ["handlers.stage.handler", "--large"]
  image          = var.large.image
  memory_mb      = var.spec.memory_mb
  environment    = local.setting
  statements     = concat(local.statements, local.keeping.large)
  queues         = { for name in local.large : name => local.queues[name].arn }
  hosts          = var.gpu
  rollback_alarm = aws_cloudwatch_metric_alarm.failures.alarm_name
  repository_arn = var.gpu_repository_arn
  common         = var.common
}
