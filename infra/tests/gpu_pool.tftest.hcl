# Workers on GPU hosts.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_default_tags" {
    defaults = { tags = { Project = "videodrop" } }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/gpu" }
  }
  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::123456789012:instance-profile/gpu" }
  }
  mock_resource "aws_batch_compute_environment" {
    defaults = { arn = "arn:aws:batch:us-east-1:123456789012:compute-environment/gpu-1" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/batch/gpu" }
  }
  mock_resource "aws_launch_template" {
    defaults = { latest_version = 3 }
  }
}

variables {
  name             = "gpu"
  image            = "repository@sha256:0"
  repository_arn   = "arn:aws:ecr:us-east-1:123456789012:repository/gpu"
  stages           = ["detect", "transcribe"]
  statements       = [{ Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::uploads/videos/*"] }]
  worker_timeout_s = 7200
  queues           = ["arn:aws:sqs:us-east-1:123456789012:detect", "arn:aws:sqs:us-east-1:123456789012:detect-replay"]
  hosts = {
    subnet_ids     = ["subnet-1"]
    ami_id         = null
    instance_types = ["g6.xlarge", "g5.xlarge"]
    memory_mb      = 14000
    max_hosts      = 3
    spot           = true
    idle_s         = 30
  }
  common = {
    region   = "us-east-1"
    settings = { VIDEODROP_NAME = "videodrop" }
    log_days = 30
  }
}

run "pool" {
  module {
    source = "./modules/gpu_pool"
  }

  assert {
    condition     = one(aws_batch_compute_environment.hosts.compute_resources).min_vcpus == 0
    error_message = "There are no hosts without work."
  }
  assert {
    condition     = one(aws_batch_compute_environment.hosts.compute_resources).max_vcpus == 192
    error_message = "There is room for all hosts, of any type of one GPU."
  }
  assert {
    condition     = one(aws_batch_compute_environment.hosts.compute_resources).type == "SPOT" && one(aws_batch_compute_environment.hosts.compute_resources).allocation_strategy == "SPOT_PRICE_CAPACITY_OPTIMIZED"
    error_message = "Hosts are Spot, of those that are rarely interrupted."
  }
  assert {
    condition     = one(aws_batch_compute_environment.hosts.compute_resources).tags == tomap({ Name = "gpu", Project = "videodrop" })
    error_message = "Hosts have the tag for budgets and cost reports."
  }
  assert {
    condition     = one(one(aws_batch_compute_environment.hosts.compute_resources).ec2_configuration).image_type == "ECS_AL2023_NVIDIA" && one(one(aws_batch_compute_environment.hosts.compute_resources).launch_template).version == "3"
    error_message = "Hosts start from AWS's image and the latest template."
  }
  assert {
    condition     = one(one(aws_launch_template.hosts.block_device_mappings).ebs).encrypted == "true"
    error_message = "The disks of hosts are encrypted."
  }
  assert {
    condition     = [for rule in aws_vpc_security_group_egress_rule.out : [rule.from_port, rule.to_port]] == [[443, 443]]
    error_message = "Workers use HTTPS only."
  }
  assert {
    condition     = one(aws_launch_template.hosts.metadata_options).http_tokens == "required" && one(aws_launch_template.hosts.metadata_options).http_put_response_hop_limit == 1
    error_message = "A container cannot use its host's role."
  }
  assert {
    condition = { for kind in aws_launch_template.hosts.tag_specifications : kind.resource_type => kind.tags } == {
      instance = tomap({ Name = "gpu", Project = "videodrop" })
      volume   = tomap({ Name = "gpu", Project = "videodrop" })
    }
    error_message = "Hosts and their disks have the tag for budgets and cost reports."
  }
  assert {
    condition     = strcontains(base64decode(aws_launch_template.hosts.user_data), "\nECS_CONTAINER_STOP_TIMEOUT=110s\n") && contains(jsondecode(aws_batch_job_definition.worker.container_properties).environment, { name = "VIDEODROP_DRAIN_S", value = "90" })
    error_message = "A worker has nearly two minutes to give its runs back before a Spot interruption."
  }
  assert {
    condition     = startswith(base64decode(aws_launch_template.hosts.user_data), "MIME-Version: 1.0\n") && strcontains(base64decode(aws_launch_template.hosts.user_data), "\n#!/bin/bash\nmetadata=http://169.254.169.254/latest\n") && strcontains(base64decode(aws_launch_template.hosts.user_data), "\nNOTICE\nchmod +x")
    error_message = "A host looks for its Spot notice, beside what Batch adds to its start."
  }
  assert {
    condition = alltrue([
      for variable in [
        { name = "VIDEODROP_STAGE", value = "detect,transcribe" },
        { name = "VIDEODROP_IDLE_S", value = "30" },
        { name = "VIDEODROP_DEVICE", value = "cuda" },
        { name = "VIDEODROP_NAME", value = "videodrop" },
      ] : contains(jsondecode(aws_batch_job_definition.worker.container_properties).environment, variable)
    ])
    error_message = "A worker serves all stages of the pool, ends when idle, and does not fall back to its CPU."
  }
  assert {
    condition     = contains(jsondecode(aws_batch_job_definition.worker.container_properties).resourceRequirements, { type = "GPU", value = "1" })
    error_message = "A worker has its own GPU."
  }
  assert {
    condition     = jsondecode(aws_batch_job_definition.worker.container_properties).command == ["handlers.stage.handler"]
    error_message = "A worker hosts stages."
  }
  assert {
    condition     = [for rule in one(aws_batch_job_definition.worker.retry_strategy).evaluate_on_exit : "${coalesce(rule.on_status_reason, rule.on_reason)}: ${lower(rule.action)}"] == ["Host EC2*: retry", "*: exit"]
    error_message = "Only a host that was reclaimed is replaced by Batch."
  }
  assert {
    condition     = one(aws_batch_job_definition.worker.timeout).attempt_duration_seconds > 86400 + 7000
    error_message = "No run is cut by the limit of a job."
  }
  assert {
    condition     = jsondecode(aws_batch_job_definition.worker.container_properties).jobRoleArn == aws_iam_role.worker.arn && jsondecode(aws_batch_job_definition.worker.container_properties).executionRoleArn == aws_iam_role.start.arn
    error_message = "The role that pulls the image is not the worker's."
  }
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : statement.Resource] == [
      ["arn:aws:sqs:us-east-1:123456789012:detect", "arn:aws:sqs:us-east-1:123456789012:detect-replay"],
      ["arn:aws:s3:::uploads/videos/*"],
    ]
    error_message = "A worker has exactly the permissions of its stages."
  }
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.start.policy).Statement : join(" ", statement.Action) => one(statement.Resource) } == {
      "logs:CreateLogStream logs:PutLogEvents"                                       = "arn:aws:logs:us-east-1:123456789012:log-group:/batch/gpu:*"
      "ecr:GetAuthorizationToken"                                                    = "*"
      "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer" = "arn:aws:ecr:us-east-1:123456789012:repository/gpu"
    }
    error_message = "Batch may only pull the image and write the log."
  }
}

run "on_demand_from_an_image_of_ones_own" {
  variables {
    common = {
      region   = "us-east-1"
      settings = { OTEL_EXPORTER_OTLP_ENDPOINT = "http://collector:4318" }
      log_days = 30
    }
    hosts = {
      subnet_ids     = ["subnet-1"]
      ami_id         = "ami-0123456789abcdef0"
      instance_types = ["g6.xlarge"]
      memory_mb      = 14000
      max_hosts      = 1
      spot           = false
      idle_s         = 30
    }
  }
  module {
    source = "./modules/gpu_pool"
  }

  assert {
    condition     = one(aws_batch_compute_environment.hosts.compute_resources).type == "EC2" && one(aws_batch_compute_environment.hosts.compute_resources).allocation_strategy == "BEST_FIT_PROGRESSIVE"
    error_message = "Hosts are On-Demand if asked for."
  }
  assert {
    condition     = one(one(aws_batch_compute_environment.hosts.compute_resources).ec2_configuration).image_id_override == "ami-0123456789abcdef0"
    error_message = "Hosts start from the configured image."
  }
  assert {
    condition     = [for rule in aws_vpc_security_group_egress_rule.out : rule.to_port] == [4318, 443]
    error_message = "Workers reach the collector of spans."
  }
}
