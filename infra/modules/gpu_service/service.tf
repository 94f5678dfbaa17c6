# Workers: each polls the stage's queues and hosts its handler, as on any machine.

locals {
  # ECS sends SIGKILL two minutes after SIGTERM, like EC2 after the notice of a Spot interruption.
  stop_s = 110
  # Unfinished runs are released then, which takes a few seconds.
  drain_s = local.stop_s - 20
  # By default a worker without a usable GPU would use the CPU, many times slower at the same price.
  own = { VIDEODROP_DEVICE = "cuda", VIDEODROP_DRAIN_S = tostring(local.drain_s) }

  log = {
    logDriver = "awslogs"
    options = {
      awslogs-group  = aws_cloudwatch_log_group.this.name
      awslogs-region = var.common.region
    }
  }
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_capacity_provider" "hosts" {
  name = var.name

  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.hosts.arn
    managed_termination_protection = "ENABLED"
    managed_draining               = "ENABLED"

    managed_scaling {
      status          = "ENABLED"
      target_capacity = 100
    }
  }

  # ECS creates the role that this needs with an account's first cluster.
  depends_on = [aws_ecs_cluster.this]
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = [aws_ecs_capacity_provider.hosts.name]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/ecs/${var.name}"
  retention_in_days = var.common.log_days
}

resource "aws_ecs_task_definition" "worker" {
  family                   = var.name
  requires_compatibilities = ["EC2"]
  network_mode             = "bridge"
  task_role_arn            = aws_iam_role.worker.arn
  execution_role_arn       = aws_iam_role.start.arn

  container_definitions = jsonencode([{
    name              = "worker"
    image             = var.image
    command           = ["handlers.stage.handler"] # of VIDEODROP_STAGE
    essential         = true
    memoryReservation = var.memory_mb
    stopTimeout       = local.stop_s
    # The same as the Dockerfile's HEALTHCHECK, which ECS ignores. A handler has three minutes to
    # load; its first job loads the model, without a limit.
    healthCheck = {
      command     = ["CMD", "python", "-m", "pipeline.hosts.health"]
      interval    = 30
      timeout     = 10
      startPeriod = 180
      retries     = 3
    }
    # A worker's handlers are child processes.
    linuxParameters      = { initProcessEnabled = true }
    resourceRequirements = [{ type = "GPU", value = "1" }]
    environment = [
      for name, value in merge(
        local.own,
        var.common.settings,
        var.environment,
        { AWS_DEFAULT_REGION = var.common.region },
      ) : { name = name, value = value }
    ]
    logConfiguration = merge(local.log, { options = merge(local.log.options, { awslogs-stream-prefix = "worker" }) })
  }])
}

resource "aws_ecs_service" "workers" {
  name            = var.name
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.worker.arn
  desired_count   = 0
  # A new revision replaces the old one on the same GPU: messages wait meanwhile.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100

  capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.hosts.name
    weight            = 1
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  alarms {
    alarm_names = [var.rollback_alarm]
    enable      = true
    rollback    = true
  }

  lifecycle {
    ignore_changes = [desired_count] # set by the scaling policies
  }

  depends_on = [aws_ecs_cluster_capacity_providers.this, aws_iam_role_policy.worker]
}
