resource "aws_iam_role" "this" {
  name        = var.name
  description = "Permissions of ${var.name}"

  permissions_boundary = var.common.permissions_boundary

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "own"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    # Omit a statement's missing fields: IAM does not accept nulls.
    Statement = [
      for statement in local.statements : { for field, value in statement : field => value if value != null }
    ]
  })
}

locals {
  logs = {
    Effect    = "Allow"
    Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource  = ["${aws_cloudwatch_log_group.this.arn}:*"]
    Condition = null
  }
  # X-Ray does not support resource names.
  traces = {
    Effect    = "Allow"
    Action    = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    Resource  = ["*"]
    Condition = null
  }
  # Lambda polls under this role.
  messages = {
    Effect    = "Allow"
    Action    = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    Resource  = [for queue in values(var.queues) : queue.arn]
    Condition = null
  }
  # Lambda connects the function to its subnets under this role, by interfaces without names.
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
  interfaces = {
    Effect = "Allow"
    Action = [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSubnets",
      "ec2:UnassignPrivateIpAddresses",
    ]
    Resource  = ["*"]
    Condition = null
  }
  statements = concat(
    [local.logs],
    var.common.vpc == null ? [] : [local.interfaces],
    var.common.tracing == "Active" ? [local.traces] : [],
    length(var.queues) > 0 ? [local.messages] : [],
    var.statements,
    var.common.statements,
  )
}
