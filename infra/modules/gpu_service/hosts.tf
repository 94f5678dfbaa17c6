# EC2 instances with a GPU each: Spot beyond the On-Demand base, and none without work.

data "aws_subnet" "first" {
  id = var.hosts.subnet_ids[0]
}

data "aws_default_tags" "current" {}

locals {
  # The provider's default tags do not reach groups and their hosts and disks.
  tags = merge(data.aws_default_tags.current.tags, { Name = var.name })
}

resource "aws_security_group" "hosts" {
  name        = "${var.name}-hosts"
  description = "Workers open connections; nobody opens any to them"
  vpc_id      = data.aws_subnet.first.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.hosts.id
  description       = "AWS and the images, all by HTTPS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_launch_template" "hosts" {
  name                   = "${var.name}-hosts"
  description            = "ECS hosts of ${var.name}"
  image_id               = "resolve:ssm:${var.hosts.ami_parameter}"
  vpc_security_group_ids = [aws_security_group.hosts.id]
  update_default_version = true

  iam_instance_profile {
    arn = aws_iam_instance_profile.hosts.arn
  }

  metadata_options {
    http_tokens = "required"
    # One hop ends at the host: containers have their own role and must not use the host's.
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type = "gp3"
      volume_size = 200
      encrypted   = true
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])

    content {
      resource_type = tag_specifications.value
      tags          = local.tags
    }
  }

  # An interrupted Spot host drains: its tasks get SIGTERM and release their runs.
  user_data = base64encode(<<-EOT
    #!/bin/bash
    cat >> /etc/ecs/ecs.config <<'CONFIG'
    ECS_CLUSTER=${var.name}
    ECS_ENABLE_GPU_SUPPORT=true
    ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
    ECS_CONTAINER_STOP_TIMEOUT=${local.stop_s}s
    CONFIG
  EOT
  )
}

resource "aws_autoscaling_group" "hosts" {
  name                  = var.name
  min_size              = 0
  max_size              = var.hosts.max_hosts
  vpc_zone_identifier   = var.hosts.subnet_ids
  protect_from_scale_in = true # ECS terminates empty hosts
  # A rebalance recommendation would end jobs of hours, though most hosts continue. The interruption
  # notice leaves two minutes, enough to release the runs.
  capacity_rebalance = false

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = var.hosts.on_demand_base
      on_demand_percentage_above_base_capacity = var.hosts.on_demand_percent
      spot_allocation_strategy                 = "price-capacity-optimized"
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.hosts.id
        version            = aws_launch_template.hosts.latest_version
      }

      dynamic "override" {
        for_each = var.hosts.instance_types

        content {
          instance_type = override.value
        }
      }
    }
  }

  # ECS sets it with managed scaling.
  dynamic "tag" {
    for_each = merge(local.tags, { AmazonECSManaged = "" })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    ignore_changes = [desired_capacity]
  }
}

resource "aws_iam_role" "hosts" {
  name        = "${var.name}-hosts"
  description = "Lets hosts of ${var.name} join their cluster"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "hosts" {
  role       = aws_iam_role.hosts.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "hosts" {
  name = "${var.name}-hosts"
  role = aws_iam_role.hosts.name
}

data "aws_partition" "current" {}
