# The pool: one job is one host with one worker, which serves all stages of the pool and ends when
# their queues are empty. The janitor submits jobs while messages wait.

locals {
  # EC2 ends a Spot host two minutes after its notice.
  stop_s = 110
  # Unfinished runs are given back then, which takes a few seconds.
  drain_s = local.stop_s - 20

  own = {
    VIDEODROP_STAGE   = join(",", var.stages)
    VIDEODROP_IDLE_S  = tostring(var.hosts.idle_s)
    VIDEODROP_DRAIN_S = tostring(local.drain_s)
    # By default a worker without a usable GPU would use the CPU, many times slower at the same price.
    VIDEODROP_DEVICE = "cuda"
  }

  # vCPUs of the largest instance of one GPU. The janitor limits the number of hosts exactly.
  most_vcpus = 64
}

resource "aws_batch_compute_environment" "hosts" {
  compute_environment_name_prefix = "${var.name}-"
  type                            = "MANAGED"

  compute_resources {
    type                = var.hosts.spot ? "SPOT" : "EC2"
    allocation_strategy = var.hosts.spot ? "SPOT_PRICE_CAPACITY_OPTIMIZED" : "BEST_FIT_PROGRESSIVE"
    min_vcpus           = 0
    max_vcpus           = var.hosts.max_hosts * local.most_vcpus
    instance_type       = var.hosts.instance_types
    instance_role       = aws_iam_instance_profile.hosts.arn
    subnets             = var.hosts.subnet_ids
    security_group_ids  = [aws_security_group.hosts.id]
    tags                = local.tags

    # Without an override Batch takes AWS's latest image with NVIDIA's driver.
    ec2_configuration {
      image_type        = "ECS_AL2023_NVIDIA"
      image_id_override = var.hosts.ami_id
    }

    launch_template {
      launch_template_id = aws_launch_template.hosts.id
      version            = aws_launch_template.hosts.latest_version
    }
  }

  # Without a role Batch uses its service-linked one, and makes it when it is missing.
  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_iam_role_policy_attachment.hosts]
}

resource "aws_batch_job_queue" "hosts" {
  name     = var.name
  state    = "ENABLED"
  priority = 1

  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.hosts.arn
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/batch/${var.name}"
  retention_in_days = var.common.log_days
}

resource "aws_batch_job_definition" "worker" {
  name                  = var.name
  type                  = "container"
  platform_capabilities = ["EC2"]
  propagate_tags        = true

  container_properties = jsonencode({
    image            = var.image
    command          = ["handlers.stage.handler"] # of VIDEODROP_STAGE
    jobRoleArn       = aws_iam_role.worker.arn
    executionRoleArn = aws_iam_role.start.arn
    # A worker's handlers are child processes.
    linuxParameters = { initProcessEnabled = true }
    resourceRequirements = [
      { type = "GPU", value = "1" },
      { type = "MEMORY", value = tostring(var.hosts.memory_mb) },
      { type = "VCPU", value = "4" },
    ]
    environment = [
      for name, value in merge(local.own, var.common.settings, { AWS_DEFAULT_REGION = var.common.region }) :
      { name = name, value = value }
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.common.region
        awslogs-stream-prefix = "worker"
      }
    }
  })

  # A host that was reclaimed is replaced at once. The janitor sees to all else: it submits a job while
  # messages wait.
  retry_strategy {
    attempts = 3

    evaluate_on_exit {
      on_status_reason = "Host EC2*"
      action           = "RETRY"
    }
    evaluate_on_exit {
      on_reason = "*"
      action    = "EXIT"
    }
  }

  # A worker that hangs ends itself (pipeline/hosts/worker/host.py). This is for one that cannot.
  timeout {
    attempt_duration_seconds = 86400 + var.worker_timeout_s
  }
}
