locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # Names of pipeline/core/topology.py. Bucket names are global.
  uploads_bucket   = coalesce(var.uploads_bucket, "${var.name}-uploads-${local.account}-${var.region}")
  artifacts_bucket = coalesce(var.artifacts_bucket, "${var.name}-artifacts-${local.account}-${var.region}")

  # By name, since policies are created before or with their resources.
  uploads_arn   = "arn:${local.partition}:s3:::${local.uploads_bucket}"
  artifacts_arn = "arn:${local.partition}:s3:::${local.artifacts_bucket}"
  table_arn     = "arn:${local.partition}:dynamodb:${var.region}:${local.account}:table/${var.name}"
  events        = "arn:${local.partition}:events:${var.region}:${local.account}"
  sqs           = "arn:${local.partition}:sqs:${var.region}:${local.account}"

  patterns = {
    for event, pattern in local.topology.uploads.events :
    event => replace(jsonencode(pattern), "$${uploads_bucket}", local.uploads_bucket)
  }

  # The time after an expired lease in which its message can still be redelivered.
  longest_visibility_s = local.topology.queues.visibility_per_timeout * max([
    for stage in values(local.topology.stages) : stage.timeout_s
  ]...)

  # The default is the one of pipeline/core/settings.py.
  worker_timeout_s = tonumber(lookup(var.settings, "VIDEODROP_WORKER_TIMEOUT_S", 36000))

  # Named by OpenTelemetry's own variable, and only where there is a collector.
  traces = { for endpoint in [var.otlp_endpoint] : "OTEL_EXPORTER_OTLP_ENDPOINT" => endpoint if endpoint != "" }

  replay_limit = { for usd in [var.max_replay_usd] : "VIDEODROP_MAX_REPLAY_USD" => tostring(usd) if usd != null }

  # By name, also for functions without weights: what `auto` means depends on a host's weights.
  models = { for stage, model in var.models : "VIDEODROP_PARAMS__${upper(stage)}__MODEL" => model }

  settings = merge(
    {
      VIDEODROP_NAME             = var.name
      VIDEODROP_UPLOADS_BUCKET   = local.uploads_bucket
      VIDEODROP_ARTIFACTS_BUCKET = local.artifacts_bucket
      VIDEODROP_REDELIVERY_S     = tostring(local.longest_visibility_s + max(0, values(local.gather_s)...))
      VIDEODROP_SCRATCH          = "/tmp"
      VIDEODROP_TELEMETRY        = "aws" # JSON and metrics in the log
    },
    local.models,
    local.traces,
    local.replay_limit,
    var.settings,
  )

  # Roles that use the buckets or the table need their key, by these services alone.
  use_key = var.kms_key_arn == null ? [] : [{
    Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    Resource  = [var.kms_key_arn]
    Condition = { StringEquals = { "kms:ViaService" = [for service in ["dynamodb", "s3"] : "${service}.${var.region}.amazonaws.com"] } }
  }]

  # Settings of all functions.
  common = {
    local           = var.local
    region          = var.region
    settings        = local.settings
    log_days        = var.log_days
    alarm_topic     = aws_sns_topic.alarms.arn
    failure_percent = var.failure_percent
    tracing         = var.tracing

    permissions_boundary = var.permissions_boundary
    vpc                  = var.vpc
    statements           = local.use_key
    rollout = one([
      for key, app in aws_codedeploy_app.functions :
      { app = app.name, role_arn = aws_iam_role.rollout[key].arn, config = local.rollout[key] }
    ])
  }
}
