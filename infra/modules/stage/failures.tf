# Runs that fail, as the code itself counts them: a failed run is no failed invocation, and workers
# on GPU hosts have no invocations.

locals {
  # Of pipeline/core/errors.py; not what is its uploader's business, bad_input and limit.
  failures = ["bug", "dependency", "lost", "out_of_memory", "timeout"]

  # By the id of a metric, the dimensions of `runs_total`: see pipeline/telemetry/names.py.
  runs = merge(
    { runs = { stage = var.stage } },
    { for class in local.failures : class => { stage = var.stage, failure_class = class } },
  )
}

resource "aws_cloudwatch_metric_alarm" "failures" {
  alarm_name          = "${local.name}-failures"
  alarm_description   = "Of a hundred runs more than ${var.common.failure_percent} fail, and not for their input: `videodrop ls --status failed` and the log say why. docs/how-to/runbook.md#failures"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.common.failure_percent
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.common.alarm_topic]
  ok_actions          = [var.common.alarm_topic]

  metric_query {
    id    = "percent"
    label = "Runs that fail, %"
    # SUM passes over classes of which there is nothing, where + would have no result.
    expression  = "100 * SUM([${join(", ", local.failures)}]) / runs"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.runs

    content {
      id = metric_query.key

      metric {
        namespace   = var.prefix
        metric_name = "runs_total"
        dimensions  = metric_query.value
        period      = 300
        stat        = "Sum"
      }
    }
  }
}
