# One module for each stage of topology.json: a new stage needs only a new entry there.

locals {
  compute = {
    for stage in keys(local.topology.stages) : stage => merge(
      try(var.compute[stage], {}),
      {
        live_concurrency   = coalesce(try(var.compute[stage].live_concurrency, null), local.live_concurrency)
        replay_concurrency = coalesce(try(var.compute[stage].replay_concurrency, null), local.replay_concurrency)
        # Its own image, or the one of its kind of host.
        image = try(coalesce(
          try(var.compute[stage].image, null),
          var.images[try(var.compute[stage].host, "lambda")],
        ), null)
      },
    )
  }

  # An upload may wait for others that share its host.
  oldest_message_s = {
    for stage, one in local.compute :
    stage => var.oldest_message_s + (contains(local.gpu_stages, stage) ? local.gather_s.live : 0)
  }
}

module "stage" {
  source   = "./modules/stage"
  for_each = local.topology.stages

  stage            = each.key
  spec             = each.value
  prefix           = var.name
  queues           = local.topology.queues
  bus              = aws_cloudwatch_event_bus.own.name
  oldest_message_s = local.oldest_message_s[each.key]
  worker_timeout_s = local.worker_timeout_s
  compute          = local.compute[each.key]
  common           = local.common

  patterns = {
    created  = local.patterns.created
    replayed = local.patterns.replayed
    reprocess = jsonencode({
      source      = [local.topology.reprocess.source]
      detail-type = [local.topology.reprocess.detail_type]
      detail      = { stage = [each.key] }
    })
  }

  data = {
    uploads_bucket   = local.uploads_arn
    uploads_prefix   = local.topology.uploads.prefix
    artifacts_bucket = local.artifacts_arn
    table            = local.table_arn
    sqs              = local.sqs
    bus              = aws_cloudwatch_event_bus.own.arn
  }
}
