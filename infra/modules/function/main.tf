# A Lambda function behind an alias, with its role, log and queues.

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.common.log_days
}

resource "aws_lambda_function" "this" {
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn
  architectures = [var.architecture]
  timeout       = var.timeout_s
  memory_size   = var.memory_mb
  publish       = true

  reserved_concurrent_executions = var.reserved_concurrency

  package_type     = var.image == null ? "Zip" : "Image"
  image_uri        = var.image
  filename         = try(var.zip.path, null)
  source_code_hash = try(filebase64sha256(var.zip.path), null)
  runtime          = try(var.zip.runtime, null)
  handler          = var.zip == null ? null : var.handler

  dynamic "image_config" {
    for_each = var.image == null ? [] : [var.handler]

    content {
      command = [image_config.value]
    }
  }

  dynamic "snap_start" {
    for_each = var.snap_start ? ["PublishedVersions"] : []

    content {
      apply_on = snap_start.value
    }
  }

  environment {
    variables = merge(var.common.settings, var.environment)
  }

  ephemeral_storage {
    size = var.scratch_mb
  }

  dynamic "vpc_config" {
    for_each = var.common.vpc == null ? [] : [var.common.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tracing_config {
    mode = var.common.tracing
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  # Without its policy the first execution would fail.
  depends_on = [aws_iam_role_policy.this]
}

# What calls the function calls its alias: `live`, which Terraform moves to each new version, or
# `gradual`, which CodeDeploy moves (rollout.tf). Two names, so that one apply can change the way: an
# alias cannot be created while another one has its name.
resource "aws_lambda_alias" "live" {
  count = var.common.rollout == null ? 1 : 0

  name             = "live"
  description      = "The live version"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_alias" "gradual" {
  count = var.common.rollout == null ? 0 : 1

  name             = "gradual"
  description      = "The live version, or two during a rollout"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  lifecycle {
    ignore_changes = [function_version, routing_config] # CodeDeploy sets them
  }
}

locals {
  alias = one(concat(aws_lambda_alias.live, aws_lambda_alias.gradual))
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  # moto does not support it on aliases.
  count = var.provisioned_concurrency > 0 && !var.common.local ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = local.alias.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}

resource "aws_lambda_event_source_mapping" "queue" {
  for_each = var.queues

  event_source_arn        = each.value.arn
  function_name           = local.alias.arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]
  # moto loses the messages of an enabled mapping: there, a worker polls the queue.
  enabled = !var.common.local

  scaling_config {
    maximum_concurrency = each.value.maximum_concurrency
  }

  # The role needs permission to receive before the mapping is created.
  depends_on = [aws_iam_role_policy.this]
}
