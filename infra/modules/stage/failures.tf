# Failed runs, as the code counts them: a failed run is not a failed invocation, and workers on GPU
# hosts have no invocations.

locals {
  # Classes of pipeline/core/errors.py except bad_input and limit, which are the uploader's errors.
  failures = ["bug", "dependency", "lost", "out_of_memory", "timeout"]

  # By metric id, the dimensions of `runs_total`: see pipeline/telemetry/names.py.
  runs = merge(
    { runs = { stage = var.stage } },
    { for class in local.failures : class => { stage = var.stage, failure_class = class } },
  )
}

resource "aws_cloudwatch_metric_alarm" "failures" {
  alarm_name          = "${local.name}-failures"
  alarm_description   = "More than ${var.common.failure_percent} % of runs fail for another reason than their input: `videodrop ls --status failed` and the log show why. docs/how-to/runbook.md#failures"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.common.failure_percent
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.common.alarm_topic]
  ok_actions          = [var.common.alarm_topic]

  metric_query {
    id    = "percent"
    label = "Runs that fail, %"
    # SUM skips classes without data, where + would have no result.
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
