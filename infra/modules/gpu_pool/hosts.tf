# EC2 instances with a GPU each, as AWS Batch starts and ends them.

data "aws_partition" "current" {}

data "aws_default_tags" "current" {}

data "aws_subnet" "first" {
  id = var.hosts.subnet_ids[0]
}

locals {
  # Of http://collector:4318; without a port that of the scheme.
  collector      = lookup(var.common.settings, "OTEL_EXPORTER_OTLP_ENDPOINT", "https:")
  collector_port = try(one(regex("^https?://[^/]*:([0-9]+)", local.collector)), startswith(local.collector, "http:") ? "80" : "443")

  # The provider's default tags do not reach hosts and their disks.
  tags = merge(data.aws_default_tags.current.tags, { Name = var.name })

  # ECS has no stop timeout for jobs of Batch, and does not stop them when a Spot host is interrupted:
  # only tasks of services drain. So the host itself looks for the notice, two minutes ahead, and sends
  # SIGTERM to the workers, which give their messages back.
  # https://github.com/aws/containers-roadmap/issues/2059
  # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
  notice = <<-EOT
    #!/bin/bash
    metadata=http://169.254.169.254/latest
    while sleep 5; do
      token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $metadata/api/token) || continue
      curl -sf -H "X-aws-ec2-metadata-token: $token" $metadata/meta-data/spot/instance-action || continue
      docker ps -q --filter label=com.amazonaws.ecs.task-arn | xargs -r docker kill --signal TERM
      exit
    done
  EOT

  # Batch adds a part of its own, so this has to be in parts, too.
  user_data = <<-EOT
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary="videodrop"

    --videodrop
    Content-Type: text/x-shellscript; charset="us-ascii"

    #!/bin/bash
    cat >> /etc/ecs/ecs.config <<'CONFIG'
    ECS_CONTAINER_STOP_TIMEOUT=${local.stop_s}s
    ECS_IMAGE_PULL_BEHAVIOR=prefer-cached
    CONFIG
    cat > /usr/local/bin/spot-notice <<'NOTICE'
    ${chomp(local.notice)}
    NOTICE
    chmod +x /usr/local/bin/spot-notice
    systemd-run --unit spot-notice /usr/local/bin/spot-notice

    --videodrop--
  EOT
}

resource "aws_security_group" "hosts" {
  name        = "${var.name}-hosts"
  description = "Workers open connections; nobody opens any to them"
  vpc_id      = data.aws_subnet.first.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "out" {
  for_each = toset(["443", local.collector_port])

  security_group_id = aws_security_group.hosts.id
  description       = each.key == "443" ? "AWS and the images, all by HTTPS" : "The collector of spans"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
}

resource "aws_launch_template" "hosts" {
  name                   = "${var.name}-hosts"
  description            = "Hosts of ${var.name}"
  update_default_version = true
  user_data              = base64encode(local.user_data)

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
      throughput  = 500 # an image of 8 GB is written in a quarter of the time of the default
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
}

resource "aws_iam_role" "hosts" {
  name        = "${var.name}-hosts"
  description = "Lets hosts of ${var.name} join their cluster"

  permissions_boundary = var.common.permissions_boundary

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
