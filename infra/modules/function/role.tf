resource "aws_iam_role" "this" {
  name        = var.name
  description = "What ${var.name} may do"

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
    # Fields that a statement has not are left out: IAM takes no nulls.
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
  # X-Ray has no resources to name.
  traces = {
    Effect    = "Allow"
    Action    = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    Resource  = ["*"]
    Condition = null
  }
  # Lambda itself polls, under this role.
  messages = {
    Effect    = "Allow"
    Action    = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    Resource  = [for queue in values(var.queues) : queue.arn]
    Condition = null
  }
  statements = concat(
    [local.logs],
    var.common.tracing == "Active" ? [local.traces] : [],
    length(var.queues) > 0 ? [local.messages] : [],
    var.statements,
  )
}
