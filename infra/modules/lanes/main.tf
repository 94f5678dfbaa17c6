# The queues of one function, their rules, and their dead-letter queue.

locals {
  feeds = merge([
    for queue, lane in var.lanes : {
      for rule, feed in lane.feeds : rule => merge(feed, { queue = queue })
    }
  ]...)

  # By queue, the ARNs that may send to it.
  rules = {
    for queue in keys(var.lanes) : queue => sort([
      for rule, feed in local.feeds : aws_cloudwatch_event_rule.feed[rule].arn if feed.queue == queue
    ])
  }

  from_rules = {
    Effect    = "Allow"
    Principal = { Service = "events.amazonaws.com" }
    Action    = "sqs:SendMessage"
  }
}

resource "aws_cloudwatch_event_rule" "feed" {
  for_each = local.feeds

  name           = each.key
  description    = "Events for the queue ${each.value.queue}"
  event_bus_name = each.value.bus
  event_pattern  = each.value.pattern
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = var.dead_letters
  message_retention_seconds = var.queues.retention_s
  max_message_size          = var.queues.max_message_bytes
  sqs_managed_sse_enabled   = true

  # It also receives the events that EventBridge could not deliver, so that there is one queue to redrive.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(local.from_rules, {
      Resource  = "${var.arn_prefix}:${var.dead_letters}"
      Condition = { ArnEquals = { "aws:SourceArn" = flatten(values(local.rules)) } }
    })]
  })
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [for queue in keys(var.lanes) : "${var.arn_prefix}:${queue}"]
  })
}

resource "aws_sqs_queue" "lane" {
  for_each = var.lanes

  name                       = each.key
  visibility_timeout_seconds = var.timeout_s * var.queues.visibility_per_timeout
  message_retention_seconds  = var.queues.retention_s
  max_message_size           = var.queues.max_message_bytes
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.queues.max_receive_count
  })
  # Only functions send to a queue without rules.
  policy = length(each.value.feeds) > 0 ? jsonencode({
    Version = "2012-10-17"
    Statement = [merge(local.from_rules, {
      Resource  = "${var.arn_prefix}:${each.key}"
      Condition = { ArnEquals = { "aws:SourceArn" = local.rules[each.key] } }
    })]
  }) : null
}

resource "aws_cloudwatch_event_target" "queue" {
  for_each = local.feeds

  target_id      = "queue"
  rule           = aws_cloudwatch_event_rule.feed[each.key].name
  event_bus_name = each.value.bus
  arn            = aws_sqs_queue.lane[each.value.queue].arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.dead_letters}-depth"
  alarm_description   = "Messages failed too often: `videodrop redrive --dry-run` shows the reasons. docs/how-to/runbook.md#depth"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic]
  ok_actions          = [var.alarm_topic]
}

resource "aws_cloudwatch_metric_alarm" "age" {
  for_each = { for queue, lane in var.lanes : queue => lane.alarm_age_s if lane.alarm_age_s != null }

  alarm_name          = "${each.key}-age"
  alarm_description   = "The oldest message waits too long: there are too few workers, or all runs fail. docs/how-to/runbook.md#age"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.lane[each.key].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic]
  ok_actions          = [var.alarm_topic]
}
