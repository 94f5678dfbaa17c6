# The workers scale with the queues: more while messages wait or age, none without messages.
#
# SQS reports no metrics of a queue that was unused for six hours, and one lane may be idle while
# another is busy. SUM and MAX of a list skip missing metrics, where + would have no result.

locals {
  kinds = {
    age     = "ApproximateAgeOfOldestMessage"
    hidden  = "ApproximateNumberOfMessagesNotVisible"
    visible = "ApproximateNumberOfMessagesVisible"
  }
  # By kind and id: one metric of each kind for each queue.
  metrics = {
    for kind, metric in local.kinds : kind => {
      for index, queue in keys(var.queues) : "${kind}${index}" => { queue = queue, metric = metric }
    }
  }
  overdue = {
    for index in range(length(var.queues)) : "overdue${index}" => "IF(visible${index} > 0, age${index}, 0)"
  }
}

resource "aws_appautoscaling_target" "workers" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.workers.name}"
  min_capacity       = 0
  max_capacity       = var.hosts.max_hosts
}

resource "aws_appautoscaling_policy" "more" {
  name               = "${var.name}-more"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.workers.service_namespace
  scalable_dimension = aws_appautoscaling_target.workers.scalable_dimension
  resource_id        = aws_appautoscaling_target.workers.resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Maximum"
    # A host with a GPU takes minutes to start.
    cooldown = 300

    step_adjustment {
      metric_interval_lower_bound = 0
      metric_interval_upper_bound = 20
      scaling_adjustment          = 1
    }
    step_adjustment {
      metric_interval_lower_bound = 20
      scaling_adjustment          = var.hosts.max_hosts
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name          = "${var.name}-waiting"
  alarm_description   = "Messages wait: start workers. No action is needed. docs/how-to/runbook.md#waiting"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.more.arn]

  metric_query {
    id          = "waiting"
    label       = "Messages that wait"
    expression  = "SUM([${join(", ", keys(local.metrics.visible))}])"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.metrics.visible

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/SQS"
        metric_name = metric_query.value.metric
        dimensions  = { QueueName = metric_query.value.queue }
        period      = 60
        stat        = "Maximum"
      }
    }
  }
}

resource "aws_appautoscaling_policy" "another" {
  name               = "${var.name}-another"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.workers.service_namespace
  scalable_dimension = aws_appautoscaling_target.workers.scalable_dimension
  resource_id        = aws_appautoscaling_target.workers.resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Maximum"
    cooldown                = 300

    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = 1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "old" {
  alarm_name          = "${var.name}-old"
  alarm_description   = "A message has waited ten minutes: add one worker. No action is needed. docs/how-to/runbook.md#old"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 600
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.another.arn]

  metric_query {
    id          = "old"
    label       = "Age of the oldest message of those lanes where any waits, s"
    expression  = "MAX([${join(", ", keys(local.overdue))}])"
    return_data = true
  }

  # A message in progress ages, too: while none waits, the number of workers is enough.
  dynamic "metric_query" {
    for_each = local.overdue

    content {
      id          = metric_query.key
      expression  = metric_query.value
      return_data = false
    }
  }

  dynamic "metric_query" {
    for_each = merge(local.metrics.age, local.metrics.visible)

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/SQS"
        metric_name = metric_query.value.metric
        dimensions  = { QueueName = metric_query.value.queue }
        period      = 60
        stat        = "Maximum"
      }
    }
  }
}

resource "aws_appautoscaling_policy" "none" {
  name               = "${var.name}-none"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.workers.service_namespace
  scalable_dimension = aws_appautoscaling_target.workers.scalable_dimension
  resource_id        = aws_appautoscaling_target.workers.resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ExactCapacity"
    metric_aggregation_type = "Maximum"
    cooldown                = 60

    step_adjustment {
      metric_interval_upper_bound = 0
      scaling_adjustment          = 0
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "idle" {
  alarm_name          = "${var.name}-idle"
  alarm_description   = "No message waits or is in progress: end all workers. No action is needed. docs/how-to/runbook.md#idle"
  evaluation_periods  = var.hosts.idle_minutes
  comparison_operator = "LessThanOrEqualToThreshold"
  threshold           = 0
  # An alarm repeats its action every minute. Without metrics of any lane, the workers ended long ago.
  # The first worker of the next day must not be ended before SQS reports again.
  treat_missing_data = "missing"
  alarm_actions      = [aws_appautoscaling_policy.none.arn]

  metric_query {
    id          = "all"
    label       = "Messages that wait or are in work"
    expression  = "SUM([${join(", ", keys(merge(local.metrics.hidden, local.metrics.visible)))}])"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = merge(local.metrics.hidden, local.metrics.visible)

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/SQS"
        metric_name = metric_query.value.metric
        dimensions  = { QueueName = metric_query.value.queue }
        period      = 60
        stat        = "Maximum"
      }
    }
  }
}
