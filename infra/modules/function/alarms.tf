# Alarms for failures, long invocations and throttled executions.

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.name}-errors"
  alarm_description   = "More than ${var.common.failure_percent} % of invocations fail: check the code, its permissions and its memory. The log has the error. docs/how-to/runbook.md#errors"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.common.failure_percent
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.common.alarm_topic]
  ok_actions          = [var.common.alarm_topic]

  metric_query {
    id          = "percent"
    label       = "Invocations that fail, %"
    expression  = "100 * errors / invocations"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "Errors", invocations = "Invocations" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        dimensions  = { FunctionName = aws_lambda_function.this.function_name }
        period      = 300
        stat        = "Sum"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "duration" {
  alarm_name          = "${var.name}-duration"
  alarm_description   = "An invocation took 90 % of its timeout: longer inputs will time out. docs/how-to/runbook.md#duration"
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  dimensions          = { FunctionName = aws_lambda_function.this.function_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.timeout_s * 1000 * 0.9
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.common.alarm_topic]
  ok_actions          = [var.common.alarm_topic]
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  alarm_name          = "${var.name}-throttles"
  alarm_description   = "Lambda throttled executions: the account's concurrency is used up. docs/how-to/runbook.md#throttles"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = aws_lambda_function.this.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.common.alarm_topic]
  ok_actions          = [var.common.alarm_topic]
}
