locals {
  tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role" "worker" {
  name                 = var.name
  description          = "Permissions of workers of ${var.name}"
  assume_role_policy   = local.tasks
  permissions_boundary = var.common.permissions_boundary
}

resource "aws_iam_role_policy" "worker" {
  name = "own"
  role = aws_iam_role.worker.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # A released message is sent again, and ranges of a run are requested.
          Effect   = "Allow"
          Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
          Resource = var.queues
        },
      ],
      # Omit a statement's missing fields: IAM does not accept nulls.
      [for statement in var.statements : { for field, value in statement : field => value if value != null }],
    )
  })
}

resource "aws_iam_role" "start" {
  name                 = "${var.name}-start"
  description          = "Lets Batch pull the image of ${var.name} and write its log"
  assume_role_policy   = local.tasks
  permissions_boundary = var.common.permissions_boundary
}

resource "aws_iam_role_policy" "start" {
  name = "own"
  role = aws_iam_role.start.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
      },
      {
        # A token is for a whole registry, without a resource name.
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = [var.repository_arn]
      },
    ]
  })
}
