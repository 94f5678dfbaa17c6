# Failures, a deadline that comes near, and executions that were refused.

locals {
  alarms = {
    errors = {
      description = "Invocations fail as a whole: the code, its permissions or its memory. The log says which."
      metric      = "Errors"
      statistic   = "Sum"
      threshold   = 0
    }
    duration = {
      description = "An invocation took 90 % of its deadline: longer inputs will be cut off."
      metric      = "Duration"
      statistic   = "Maximum"
      threshold   = var.timeout_s * 1000 * 0.9
    }
    throttles = {
      description = "Lambda refused executions: the account's concurrency is used up."
      metric      = "Throttles"
      statistic   = "Sum"
      threshold   = 0
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = aws_lambda_function.this.function_name }
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.common.alarm_topic]
  ok_actions          = [var.common.alarm_topic]
}
