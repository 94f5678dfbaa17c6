# One stage: queues, and the receivers of their messages.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  stage            = "detect"
  spec             = { timeout_s = 100, memory_mb = 512 }
  prefix           = "videodrop"
  bus              = "videodrop"
  oldest_message_s = 600
  worker_timeout_s = 7200
  queues           = { max_receive_count = 5, visibility_per_timeout = 6, retention_s = 1209600, max_message_bytes = 262144 }
  patterns = {
    created   = "{\"source\":[\"aws.s3\"]}"
    replayed  = "{\"source\":[\"aws.s3\"]}"
    reprocess = "{\"source\":[\"videodrop\"]}"
  }
  compute = { image = "repository@sha256:0", warm_up = "rate(5 minutes)", live_concurrency = 40, replay_concurrency = 4 }
  data = {
    uploads_bucket   = "arn:aws:s3:::uploads"
    uploads_prefix   = "videos/"
    artifacts_bucket = "arn:aws:s3:::artifacts"
    table            = "arn:aws:dynamodb:us-east-1:123456789012:table/videodrop"
    sqs              = "arn:aws:sqs:us-east-1:123456789012"
    bus              = "arn:aws:events:us-east-1:123456789012:event-bus/videodrop"
  }
  common = {
    local       = false
    region      = "us-east-1"
    settings    = { VIDEODROP_NAME = "videodrop" }
    log_days    = 30
    alarm_topic = "arn:aws:sns:us-east-1:123456789012:alarms"

    failure_percent = 5
    rollout = {
      app      = "videodrop"
      role_arn = "arn:aws:iam::123456789012:role/videodrop-rollout"
      config   = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    }
  }
}

run "on_lambda" {
  command = plan
  module {
    source = "./modules/stage"
  }

  assert {
    condition     = output.function == "videodrop-detect"
    error_message = "A stage has a function."
  }
  assert {
    condition     = keys(output.queues) == ["videodrop-detect", "videodrop-detect-replay"]
    error_message = "A stage has two lanes."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.failures.threshold == 5 && aws_cloudwatch_metric_alarm.failures.alarm_actions == toset([var.common.alarm_topic])
    error_message = "Failed runs notify the topic."
  }
  assert {
    condition     = length(module.warm_up) == 1
    error_message = "A schedule warms it up."
  }
  assert {
    condition     = local.oldest_s == 600
    error_message = "The limit of workers does not delay the alarm of a stage on Lambda."
  }
  assert {
    condition     = local.sending.Action == ["sqs:GetQueueUrl", "sqs:SendMessage"] && length(local.sending.Resource) == 2
    error_message = "The function may request ranges by its two lanes."
  }
}

run "on_gpu_hosts" {
  command = plan
  variables {
    compute = { host = "gpu", image = "repository@sha256:1", live_concurrency = 40, replay_concurrency = 4 }
  }
  module {
    source = "./modules/stage"
  }

  assert {
    condition     = output.function == null && length(module.warm_up) == 0 && length(output.statements) > 0
    error_message = "Workers replace the function: both would receive each other's messages."
  }
  assert {
    condition     = local.oldest_s == 600 + 7200
    error_message = "The age alarm waits as long as a run on a GPU host may take."
  }
}

run "no_image_yet" {
  command = plan
  variables {
    compute = { image = null, live_concurrency = 40, replay_concurrency = 4 }
  }
  module {
    source = "./modules/stage"
  }
  expect_failures = [var.compute]
}
