# Failed runs, as the code counts them: a failed run is not a failed invocation, and workers on GPU
# hosts have no invocations.

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
    id          = "percent"
    label       = "Runs that fail, %"
    expression  = "100 * faults / runs"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { faults = "faults_total", runs = "runs_total" } # pipeline/telemetry/names.py

    content {
      id = metric_query.key

      metric {
        namespace   = var.prefix
        metric_name = metric_query.value
        dimensions  = { stage = var.stage }
        period      = 300
        stat        = "Sum"
      }
    }
  }
}
