# Workers on GPU hosts.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_default_tags" {
    defaults = { tags = { Project = "videodrop" } }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/detect" }
  }
  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::123456789012:instance-profile/detect" }
  }
  mock_resource "aws_autoscaling_group" {
    defaults = { arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:0:autoScalingGroupName/detect" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/detect:1" }
  }
  mock_resource "aws_appautoscaling_policy" {
    defaults = { arn = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:0:resource/ecs/service/detect" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/detect" }
  }
  mock_resource "aws_launch_template" {
    defaults = { latest_version = 3 }
  }
}

variables {
  name           = "detect"
  image          = "repository@sha256:0"
  repository_arn = "arn:aws:ecr:us-east-1:123456789012:repository/gpu"
  rollback_alarm = "detect-failures"
  memory_mb      = 6144
  environment    = { VIDEODROP_STAGE = "detect" }
  statements     = [{ Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::uploads/videos/*"] }]
  queues = {
    detect        = "arn:aws:sqs:us-east-1:123456789012:detect"
    detect-replay = "arn:aws:sqs:us-east-1:123456789012:detect-replay"
  }
  hosts = {
    subnet_ids        = ["subnet-1"]
    ami_parameter     = "/images/gpu"
    instance_types    = ["g6.xlarge", "g5.xlarge"]
    max_hosts         = 3
    on_demand_base    = 1
    on_demand_percent = 20
    idle_minutes      = 10
  }
  common = {
    local       = false
    region      = "us-east-1"
    settings    = { VIDEODROP_NAME = "videodrop" }
    log_days    = 30
    alarm_topic = "arn:aws:sns:us-east-1:123456789012:alarms"
  }
}

run "service" {
  module {
    source = "./modules/gpu_service"
  }

  assert {
    condition     = aws_autoscaling_group.hosts.min_size == 0 && aws_autoscaling_group.hosts.max_size == 3 && aws_appautoscaling_target.workers.min_capacity == 0
    error_message = "There are no hosts without work, and never more than allowed."
  }
  assert {
    condition = one(one(aws_autoscaling_group.hosts.mixed_instances_policy).instances_distribution).on_demand_base_capacity == 1 && (
      one(one(aws_autoscaling_group.hosts.mixed_instances_policy).instances_distribution).on_demand_percentage_above_base_capacity == 20
    )
    error_message = "On-Demand and Spot are mixed as configured."
  }
  assert {
    condition = one(aws_ecs_capacity_provider.hosts.auto_scaling_group_provider).managed_termination_protection == "ENABLED" && (
      one(aws_ecs_capacity_provider.hosts.auto_scaling_group_provider).managed_draining == "ENABLED"
    )
    error_message = "A host with a worker is not terminated."
  }
  assert {
    condition     = aws_autoscaling_group.hosts.protect_from_scale_in && !aws_autoscaling_group.hosts.capacity_rebalance
    error_message = "ECS terminates hosts, and a rebalance recommendation ends no job."
  }
  assert {
    condition     = aws_launch_template.hosts.image_id == "resolve:ssm:/images/gpu"
    error_message = "Hosts start from the configured image."
  }
  assert {
    condition     = one(one(aws_launch_template.hosts.block_device_mappings).ebs).encrypted == "true"
    error_message = "The disks of hosts are encrypted."
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.https.from_port == 443 && aws_vpc_security_group_egress_rule.https.to_port == 443
    error_message = "Workers use HTTPS only."
  }
  assert {
    condition = one(aws_ecs_service.workers.deployment_circuit_breaker).rollback && (
      aws_ecs_service.workers.desired_count == 0 && aws_ecs_service.workers.deployment_maximum_percent == 100
    )
    error_message = "A revision that does not start is rolled back; there are no more workers than GPUs."
  }
  assert {
    condition     = one(aws_ecs_service.workers.alarms).alarm_names == toset(["detect-failures"]) && one(aws_ecs_service.workers.alarms).rollback && one(aws_ecs_service.workers.alarms).enable
    error_message = "A revision whose runs fail is rolled back."
  }
  assert {
    condition     = aws_ecs_task_definition.worker.task_role_arn == aws_iam_role.worker.arn && aws_ecs_task_definition.worker.execution_role_arn == aws_iam_role.start.arn
    error_message = "The role that pulls the image is not the worker's."
  }
  assert {
    condition     = one(aws_ecs_cluster.this.setting) == { name = "containerInsights", value = "enabled" }
    error_message = "CPU and memory of workers are measured."
  }
  assert {
    condition = { for kind in aws_launch_template.hosts.tag_specifications : kind.resource_type => kind.tags } == {
      instance = tomap({ Name = "detect", Project = "videodrop" })
      volume   = tomap({ Name = "detect", Project = "videodrop" })
    }
    error_message = "Hosts and their disks have the tag for budgets and cost reports."
  }
  assert {
    condition = alltrue([for tag in aws_autoscaling_group.hosts.tag : tag.propagate_at_launch]) && { for tag in aws_autoscaling_group.hosts.tag : tag.key => tag.value } == {
      AmazonECSManaged = ""
      Name             = "detect"
      Project          = "videodrop"
    }
    error_message = "The group has the tag of ECS's managed scaling, and the default tags."
  }
  assert {
    condition     = strcontains(base64decode(aws_launch_template.hosts.user_data), "\nECS_ENABLE_SPOT_INSTANCE_DRAINING=true\n")
    error_message = "An interrupted Spot host drains."
  }
  assert {
    condition     = one(jsondecode(aws_ecs_task_definition.worker.container_definitions)).stopTimeout == 110
    error_message = "A worker has nearly two minutes to release its runs before a Spot interruption."
  }
  assert {
    condition = contains(
      one(jsondecode(aws_ecs_task_definition.worker.container_definitions)).environment,
      { name = "VIDEODROP_DRAIN_S", value = "90" },
    )
    error_message = "A worker's grace period is slightly shorter than that of ECS."
  }
  assert {
    condition = one(jsondecode(aws_ecs_task_definition.worker.container_definitions)).healthCheck == {
      command     = ["CMD", "python", "-m", "pipeline.hosts.health"]
      interval    = 30
      timeout     = 10
      startPeriod = 180
      retries     = 3
    }
    error_message = "A worker that hangs, or cannot load its handler, is replaced."
  }
  assert {
    condition     = one(jsondecode(aws_ecs_task_definition.worker.container_definitions)).resourceRequirements == [{ type = "GPU", value = "1" }]
    error_message = "A worker has its own GPU."
  }
  assert {
    condition     = one(jsondecode(aws_ecs_task_definition.worker.container_definitions)).command == ["handlers.stage.handler"]
    error_message = "A worker hosts its stage."
  }
  assert {
    condition     = one(aws_launch_template.hosts.metadata_options).http_tokens == "required" && one(aws_launch_template.hosts.metadata_options).http_put_response_hop_limit == 1
    error_message = "A container cannot use its host's role."
  }
  # No expression has a + or a comparison of two queues: an idle queue has no metrics.
  assert {
    condition = { for query in aws_cloudwatch_metric_alarm.waiting.metric_query : query.id => coalesce(query.expression, join(" ", flatten([for metric in query.metric : [metric.metric_name, metric.dimensions.QueueName]]))) } == {
      waiting  = "SUM([visible0, visible1])"
      visible0 = "ApproximateNumberOfMessagesVisible detect"
      visible1 = "ApproximateNumberOfMessagesVisible detect-replay"
    }
    error_message = "Waiting messages in either lane start workers, even without metrics of the other."
  }
  assert {
    condition = { for query in aws_cloudwatch_metric_alarm.idle.metric_query : query.id => coalesce(query.expression, join(" ", flatten([for metric in query.metric : [metric.metric_name, metric.dimensions.QueueName]]))) } == {
      all      = "SUM([hidden0, hidden1, visible0, visible1])"
      hidden0  = "ApproximateNumberOfMessagesNotVisible detect"
      hidden1  = "ApproximateNumberOfMessagesNotVisible detect-replay"
      visible0 = "ApproximateNumberOfMessagesVisible detect"
      visible1 = "ApproximateNumberOfMessagesVisible detect-replay"
    }
    error_message = "Workers end when both lanes have no message, even without metrics of one."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.idle.evaluation_periods == 10 && aws_cloudwatch_metric_alarm.idle.treat_missing_data == "missing"
    error_message = "Workers end after that time, and not because metrics are missing."
  }
  assert {
    condition = { for query in aws_cloudwatch_metric_alarm.old.metric_query : query.id => coalesce(query.expression, join(" ", flatten([for metric in query.metric : [metric.metric_name, metric.dimensions.QueueName]]))) } == {
      old      = "MAX([overdue0, overdue1])"
      overdue0 = "IF(visible0 > 0, age0, 0)"
      overdue1 = "IF(visible1 > 0, age1, 0)"
      age0     = "ApproximateAgeOfOldestMessage detect"
      age1     = "ApproximateAgeOfOldestMessage detect-replay"
      visible0 = "ApproximateNumberOfMessagesVisible detect"
      visible1 = "ApproximateNumberOfMessagesVisible detect-replay"
    }
    error_message = "A long wait in any lane adds one worker; a long run does not."
  }
  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.waiting, aws_cloudwatch_metric_alarm.old, aws_cloudwatch_metric_alarm.idle] :
      [for query in alarm.metric_query : query.id if query.return_data == true] == [{ waiting = "waiting", old = "old", idle = "all" }[trimprefix(alarm.alarm_name, "detect-")]]
    ])
    error_message = "An alarm evaluates one result."
  }
  assert {
    condition     = contains(one(jsondecode(aws_ecs_task_definition.worker.container_definitions)).environment, { name = "VIDEODROP_DEVICE", value = "cuda" })
    error_message = "A worker on a GPU host does not fall back to its CPU."
  }
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : statement.Resource] == [
      ["arn:aws:sqs:us-east-1:123456789012:detect", "arn:aws:sqs:us-east-1:123456789012:detect-replay"],
      ["arn:aws:s3:::uploads/videos/*"],
    ]
    error_message = "A worker has exactly the permissions of its stage."
  }
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.start.policy).Statement : join(" ", statement.Action) => one(statement.Resource) } == {
      "logs:CreateLogStream logs:PutLogEvents"                                       = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/detect:*"
      "ecr:GetAuthorizationToken"                                                    = "*"
      "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer" = "arn:aws:ecr:us-east-1:123456789012:repository/gpu"
    }
    error_message = "ECS may only pull the image and write the log."
  }
}
