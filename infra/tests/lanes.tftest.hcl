# Queues, rules and dead-letter queue of one function.

mock_provider "aws" {
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:us-east-1:123456789012:rule/own/detect" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:123456789012:detect-dlq" }
  }
}

variables {
  dead_letters = "detect-dlq"
  timeout_s    = 100
  queues       = { max_receive_count = 5, visibility_per_timeout = 6, retention_s = 1209600, max_message_bytes = 262144 }
  arn_prefix   = "arn:aws:sqs:us-east-1:123456789012"
  alarm_topic  = "arn:aws:sns:us-east-1:123456789012:alarms"
  lanes = {
    detect = { alarm_age_s = 600, feeds = { detect = { pattern = "{\"source\":[\"aws.s3\"]}" } } }
    detect-replay = {
      feeds = {
        detect-replay  = { pattern = "{\"source\":[\"videodrop\"]}", bus = "own" }
        detect-archive = { pattern = "{\"source\":[\"aws.s3\"]}" }
      }
    }
  }
}

run "lanes" {
  module {
    source = "./modules/lanes"
  }

  assert {
    condition     = alltrue([for lane in aws_sqs_queue.lane : lane.visibility_timeout_seconds == 600])
    error_message = "A message stays hidden for six times its function's timeout."
  }
  assert {
    condition     = alltrue([for lane in aws_sqs_queue.lane : jsondecode(lane.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 5 }])
    error_message = "Messages that fail too often go to the dead-letter queue."
  }
  assert {
    condition = alltrue([
      for queue in concat(values(aws_sqs_queue.lane), [aws_sqs_queue.dead_letters]) :
      queue.sqs_managed_sse_enabled && queue.message_retention_seconds == 1209600
    ])
    error_message = "Queues are encrypted and retain messages for two weeks."
  }
  assert {
    condition = alltrue([
      for queue in concat(values(aws_sqs_queue.lane), [aws_sqs_queue.dead_letters]) : alltrue([
        for statement in jsondecode(queue.policy).Statement :
        statement.Action == "sqs:SendMessage"
        && statement.Resource == "arn:aws:sqs:us-east-1:123456789012:${queue.name}"
        && alltrue([for arn in statement.Condition.ArnEquals["aws:SourceArn"] : startswith(arn, "arn:aws:events:")])
      ])
    ])
    error_message = "Only rules, by their ARNs, may send to a queue."
  }
  assert {
    condition = jsondecode(aws_sqs_queue.dead_letters.redrive_allow_policy) == {
      redrivePermission = "byQueue"
      sourceQueueArns   = [for name in ["detect", "detect-replay"] : "arn:aws:sqs:us-east-1:123456789012:${name}"]
    }
    error_message = "The dead-letter queue accepts messages of the function's lanes only."
  }
  assert {
    condition     = { for name, rule in aws_cloudwatch_event_rule.feed : name => rule.event_bus_name } == { detect = "default", detect-archive = "default", detect-replay = "own" }
    error_message = "A rule is on the bus of its events."
  }
  assert {
    condition     = alltrue([for target in aws_cloudwatch_event_target.queue : one(target.dead_letter_config).arn == aws_sqs_queue.dead_letters.arn])
    error_message = "Events that EventBridge cannot deliver go to the dead-letter queue."
  }
  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.age) == ["detect"]
    error_message = "Replays have no alarm for their age."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.dead_letters.threshold == 0 && contains(aws_cloudwatch_metric_alarm.dead_letters.alarm_actions, var.alarm_topic)
    error_message = "The first dead-lettered message starts the alarm."
  }
}

run "short_visibility" {
  command = plan

  module {
    source = "./modules/lanes"
  }
  variables {
    queues = { max_receive_count = 5, visibility_per_timeout = 5, retention_s = 1209600, max_message_bytes = 262144 }
  }
  expect_failures = [var.queues]
}
