# Gradual deployment, if `rollout` names a way: CodeDeploy shifts a function's alias to its new version;
# an alarm rolls back.

locals {
  # moto cannot delete an application.
  rollout = var.local || var.rollout == null ? {} : { this = var.rollout }
}

resource "aws_codedeploy_app" "functions" {
  for_each = local.rollout

  name             = var.name
  compute_platform = "Lambda"
}

resource "aws_iam_role" "rollout" {
  for_each = local.rollout

  name        = "${var.name}-rollout"
  description = "Lets CodeDeploy shift the aliases of ${var.name} and read its alarms"

  permissions_boundary = var.permissions_boundary

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "codedeploy.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "rollout" {
  for_each = local.rollout

  name = "own"
  role = aws_iam_role.rollout[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
        Resource = [for part in ["", ":*"] : "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${var.name}-*${part}"]
      },
      {
        # CloudWatch authorises a list of alarms by alarm:*, whatever its filter. A deployment stops if
        # its alarms cannot be read.
        Effect   = "Allow"
        Action   = ["cloudwatch:DescribeAlarms"]
        Resource = ["arn:${local.partition}:cloudwatch:${var.region}:${local.account}:alarm:*"]
      },
    ]
  })
}
