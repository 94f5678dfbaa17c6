# One Lambda function.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/detect" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { version = "1" }
  }
  mock_resource "aws_lambda_alias" {
    defaults = { arn = "arn:aws:lambda:us-east-1:123456789012:function:detect:live" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/detect" }
  }
}

variables {
  name         = "detect"
  description  = "A function"
  handler      = "handlers.stage.handler"
  image        = "repository@sha256:0"
  architecture = "x86_64"
  timeout_s    = 100
  memory_mb    = 512
  environment  = { VIDEODROP_STAGE = "detect" }
  statements   = [{ Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::uploads/videos/*"] }]
  queues = {
    live   = { arn = "arn:aws:sqs:us-east-1:123456789012:detect", maximum_concurrency = 40 }
    replay = { arn = "arn:aws:sqs:us-east-1:123456789012:detect-replay", maximum_concurrency = 4 }
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

run "image" {
  variables {
    provisioned_concurrency = 2
    rollback_alarms         = ["detect-failures"]
  }
  module {
    source = "./modules/function"
  }

  assert {
    condition = alltrue([
      for mapping in aws_lambda_event_source_mapping.queue :
      mapping.batch_size == 1 && mapping.enabled && mapping.function_name == aws_lambda_alias.gradual[0].arn
      && mapping.function_response_types == toset(["ReportBatchItemFailures"])
    ])
    error_message = "The alias receives one message at a time, and failures are reported per message."
  }
  assert {
    condition     = { for lane, mapping in aws_lambda_event_source_mapping.queue : lane => one(mapping.scaling_config).maximum_concurrency } == { live = 40, replay = 4 }
    error_message = "Each lane has its own maximum concurrency."
  }
  assert {
    condition     = one(aws_lambda_provisioned_concurrency_config.live[*].provisioned_concurrent_executions) == 2
    error_message = "Executions are kept initialised."
  }
  assert {
    condition     = one(aws_lambda_function.this.image_config).command == tolist(["handlers.stage.handler"]) && length(aws_lambda_function.this.snap_start) == 0
    error_message = "An image runs the handler, and has no SnapStart."
  }
  assert {
    condition     = one(aws_lambda_function.this.environment).variables == tomap({ VIDEODROP_NAME = "videodrop", VIDEODROP_STAGE = "detect" })
    error_message = "A function has the installation's settings and its own."
  }
  assert {
    condition     = one(aws_lambda_function.this.tracing_config).mode == "Active"
    error_message = "Every function is traced."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.duration.threshold == 90000 && aws_cloudwatch_metric_alarm.throttles.threshold == 0
    error_message = "There are alarms for throttles and for 90 % of the timeout."
  }
  assert {
    condition = aws_cloudwatch_metric_alarm.errors.threshold == 5 && {
      for query in aws_cloudwatch_metric_alarm.errors.metric_query : query.id => try(one(query.metric).metric_name, query.expression)
    } == { percent = "100 * errors / invocations", errors = "Errors", invocations = "Invocations" }
    error_message = "There is an alarm for the share of failed invocations."
  }
  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.errors, aws_cloudwatch_metric_alarm.duration, aws_cloudwatch_metric_alarm.throttles] :
      alarm.alarm_actions == toset([var.common.alarm_topic])
    ])
    error_message = "Every alarm notifies the topic."
  }
  assert {
    condition     = aws_codedeploy_deployment_group.gradual["this"].deployment_config_name == "CodeDeployDefault.LambdaCanary10Percent5Minutes" && one(aws_codedeploy_deployment_group.gradual["this"].deployment_style).deployment_option == "WITH_TRAFFIC_CONTROL"
    error_message = "CodeDeploy shifts a new version gradually."
  }
  assert {
    condition     = one(aws_codedeploy_deployment_group.gradual["this"].alarm_configuration).enabled && one(aws_codedeploy_deployment_group.gradual["this"].alarm_configuration).alarms == toset(["detect-errors", "detect-failures"])
    error_message = "The failure alarm is active during a shift."
  }
  assert {
    condition     = one(aws_codedeploy_deployment_group.gradual["this"].auto_rollback_configuration) == { enabled = true, events = toset(["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]) }
    error_message = "An alarm rolls it back."
  }
  assert {
    condition     = aws_lambda_alias.gradual[0].function_version == "1" && output.live.name == "gradual" && length(aws_lambda_alias.live) == 0 && output.rollout == null
    error_message = "The first version is live at once."
  }
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource] == [
      ["arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/detect:*"],
      ["*"],
      ["arn:aws:sqs:us-east-1:123456789012:detect", "arn:aws:sqs:us-east-1:123456789012:detect-replay"],
      ["arn:aws:s3:::uploads/videos/*"],
    ]
    error_message = "A role names its log, its queues and its function's resources; only X-Ray has no names."
  }
}

# With the state of the previous run: a new version.
run "zip" {
  variables {
    image      = null
    snap_start = true
    zip        = { path = "versions.tf", runtime = "python3.13" } # any file
  }
  override_resource {
    target = aws_lambda_function.this
    values = { version = "2" }
  }
  plan_options {
    replace = [aws_lambda_function.this] # a mocked provider would not replace it
  }
  module {
    source = "./modules/function"
  }

  assert {
    condition     = one(aws_lambda_function.this.snap_start).apply_on == "PublishedVersions" && aws_lambda_function.this.publish
    error_message = "A zip starts from a snapshot of its published version."
  }
  assert {
    condition     = aws_lambda_function.this.version == "2" && aws_lambda_alias.gradual[0].function_version == "1"
    error_message = "A new version gets no traffic yet: CodeDeploy sets the alias."
  }
  assert {
    condition     = [output.rollout.applicationName, output.rollout.deploymentGroupName] == ["videodrop", "detect"]
    error_message = "CodeDeploy's input has the function."
  }
  assert {
    condition = jsondecode(output.rollout.revision.appSpecContent.content) == {
      version = "0.0"
      Resources = [{
        gradual = {
          Type       = "AWS::Lambda::Function"
          Properties = { Name = "detect", Alias = "gradual", CurrentVersion = "1", TargetVersion = "2" }
        }
      }]
    }
    error_message = "CodeDeploy's input has both versions."
  }
}

# With the state of the previous run: Terraform moves the alias from now on.
run "at_once" {
  variables {
    image                = null
    zip                  = { path = "versions.tf", runtime = "python3.13" }
    reserved_concurrency = 7
    common = {
      local       = false
      region      = "us-east-1"
      settings    = {}
      log_days    = 30
      alarm_topic = "arn:aws:sns:us-east-1:123456789012:alarms"

      failure_percent      = 5
      permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
      vpc                  = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
      statements           = [{ Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:us-east-1:123456789012:key/1"] }]
    }
  }
  override_resource {
    target = aws_lambda_function.this
    values = { version = "3" }
  }
  plan_options {
    replace = [aws_lambda_function.this]
  }
  module {
    source = "./modules/function"
  }

  assert {
    condition     = aws_lambda_alias.live[0].function_version == "3" && output.live.name == "live" && length(aws_lambda_alias.gradual) == 0
    error_message = "A new version is live with the apply."
  }
  assert {
    condition     = length(aws_codedeploy_deployment_group.gradual) == 0 && output.rollout == null
    error_message = "There is nothing to shift."
  }
  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 7
    error_message = "Executions are kept for it."
  }
  assert {
    condition     = one(aws_lambda_function.this.vpc_config).subnet_ids == toset(["subnet-1"]) && one(aws_lambda_function.this.vpc_config).security_group_ids == toset(["sg-1"]) && strcontains(aws_iam_role_policy.this.policy, "ec2:CreateNetworkInterface")
    error_message = "It runs in the VPC, and Lambda may connect it."
  }
  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary" && strcontains(aws_iam_role_policy.this.policy, "kms:Decrypt")
    error_message = "Its role is bounded, and may use the key."
  }
}

run "simulator" {
  variables {
    provisioned_concurrency = 2
    common                  = { local = true, region = "us-east-1", settings = {}, log_days = 1, alarm_topic = "arn:aws:sns:us-east-1:123456789012:alarms", failure_percent = 5, tracing = "PassThrough" }
  }
  module {
    source = "./modules/function"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.queue : !mapping.enabled]) && length(aws_lambda_provisioned_concurrency_config.live) == 0
    error_message = "In the simulator a mapping receives nothing from its queue."
  }
  assert {
    condition     = one(aws_lambda_function.this.tracing_config).mode == "PassThrough" && !strcontains(aws_iam_role_policy.this.policy, "xray")
    error_message = "A function that does not trace may not."
  }
}

run "neither_image_nor_zip" {
  command = plan
  variables {
    image = null
  }
  module {
    source = "./modules/function"
  }
  expect_failures = [var.zip]
}

run "snapshots_and_provisioned_concurrency" {
  command = plan
  variables {
    snap_start              = true
    image                   = null
    zip                     = { path = "versions.tf", runtime = "python3.13" }
    provisioned_concurrency = 1
  }
  module {
    source = "./modules/function"
  }
  expect_failures = [var.provisioned_concurrency]
}

run "snapshot_of_an_image" {
  command = plan
  variables {
    snap_start = true
  }
  module {
    source = "./modules/function"
  }
  expect_failures = [var.snap_start]
}

run "beyond_lambda" {
  command = plan
  variables {
    timeout_s = 901
    memory_mb = 10241
  }
  module {
    source = "./modules/function"
  }
  expect_failures = [var.timeout_s, var.memory_mb]
}
