# The query API and its page: an HTTP API before one function.

module "query" {
  source = "./modules/function"

  name         = "${var.name}-query"
  description  = "The query API and its page"
  handler      = "handlers.query.handler"
  zip          = { path = var.functions.zip, runtime = var.functions.runtime }
  architecture = var.functions.architecture
  timeout_s    = 29 # API Gateway's timeout is 30 s
  memory_mb    = 1769
  snap_start   = var.snap_start
  environment = merge(local.signing, local.provider, local.cross_origin, {
    VIDEODROP_OLD_UPLOADS_DAYS = tostring(var.old_uploads_days)
    VIDEODROP_STREAM_S         = "0" # it cannot stream
  })
  common = local.common

  reserved_concurrency = local.reservation.query

  statements = concat(local.read_key, [
    {
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      Resource = [local.table_arn]
    },
    {
      Action = ["dynamodb:Query"]
      # Jobs: what runs, waits and failed. Names: captions that two videos share.
      Resource = [
        for index in ["failures", "labels", "leases", "names", "uploads"] :
        "${local.table_arn}/index/${index}"
      ]
    },
    {
      # Also for presigned URLs.
      Action   = ["s3:GetObject"]
      Resource = ["${local.artifacts_arn}/artifacts/*"]
    },
    {
      # Captions that were uploaded beside a video.
      Action   = ["s3:GetObjectVersion"]
      Resource = ["${local.uploads_arn}/${local.topology.uploads.prefix}*"]
    },
    {
      # Uploads in parts, also for their presigned addresses.
      Action   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
      Resource = ["${local.uploads_arn}/${local.topology.uploads.prefix}*"]
    },
    {
      # Deletions, at once. Versions: until when a deletion can be undone.
      Action = ["s3:DeleteObject"]
      Resource = [
        "${local.artifacts_arn}/artifacts/*",
        "${local.uploads_arn}/${local.topology.uploads.prefix}*",
      ]
    },
    {
      Action   = ["s3:ListBucketVersions"]
      Resource = [local.uploads_arn]
    },
    {
      # The original of a video, by a presigned address; its restoring after a deletion.
      Action   = ["s3:GetObject"]
      Resource = ["${local.uploads_arn}/${local.topology.uploads.prefix}*"]
    },
    {
      # The lengths of the queues.
      Action = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
      Resource = flatten([
        for stage in values(module.stage) :
        concat(values(stage.queues)[*].arn, [stage.dead_letters.arn])
      ])
    },
    {
      # Without it S3 answers 403 for a missing artifact, instead of 404. Uploads are compared with
      # the list before their events have come.
      Action   = ["s3:ListBucket"]
      Resource = [local.artifacts_arn, local.uploads_arn]
    },
    local.request_deliveries,
    local.put_events,
  ])
}

resource "aws_apigatewayv2_api" "query" {
  name          = "${var.name}-query"
  description   = "The state of videos and their results"
  protocol_type = "HTTP"

  # API Gateway's own headers, also on what its authorizer rejects. They replace the function's.
  dynamic "cors_configuration" {
    for_each = length(var.web_origins) == 0 ? [] : [local.cors]

    content {
      allow_origins  = cors_configuration.value.origins
      allow_methods  = cors_configuration.value.methods
      allow_headers  = cors_configuration.value.headers
      expose_headers = cors_configuration.value.exposed
      max_age        = 600
    }
  }
}

resource "aws_apigatewayv2_integration" "query" {
  api_id                 = aws_apigatewayv2_api.query.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.query.live.invoke_arn
  payload_format_version = "2.0"

  lifecycle {
    precondition {
      condition     = local.reservable
      error_message = "This account has ${local.quota} Lambda executions at once in ${var.region}, too few to keep some for the API: ask for 1000 (Service Quotas, L-B99A9384), or set concurrency = { reserve = false } to let uploads and replays delay the API."
    }
  }
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = local.open ? 0 : 1

  api_id           = aws_apigatewayv2_api.query.id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = local.issuer
    audience = local.audience
  }
}

# Whatever no other route takes: all that changes something or costs money.
resource "aws_apigatewayv2_route" "all" {
  api_id               = aws_apigatewayv2_api.query.id
  route_key            = "$default"
  target               = "integrations/${aws_apigatewayv2_integration.query.id}"
  authorization_type   = local.open ? "NONE" : "JWT"
  authorizer_id        = one(aws_apigatewayv2_authorizer.jwt[*].id)
  authorization_scopes = local.scopes.replay == null ? null : [local.scopes.replay]
}

resource "aws_apigatewayv2_route" "read" {
  for_each = toset(local.open ? [] : ["GET /{proxy+}", "HEAD /{proxy+}"])

  api_id               = aws_apigatewayv2_api.query.id
  route_key            = each.key
  target               = "integrations/${aws_apigatewayv2_integration.query.id}"
  authorization_type   = "JWT"
  authorizer_id        = one(aws_apigatewayv2_authorizer.jwt[*].id)
  authorization_scopes = local.scopes.read == null ? null : [local.scopes.read]
}

# Browsers and players send no token. The pages and their assets have no data; the API signs the
# addresses of playlists and checks them itself.
resource "aws_apigatewayv2_route" "open" {
  # checkov:skip=CKV_AWS_309:open routes have no data, or check a signature
  for_each = toset(local.open ? [] : local.open_routes)

  api_id             = aws_apigatewayv2_api.query.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.query.id}"
  authorization_type = "NONE"
}

# A preflight has no token. The route of all requests, with its authorizer, would reject it.
resource "aws_apigatewayv2_route" "preflight" {
  # checkov:skip=CKV_AWS_309:a preflight reads and changes nothing
  count = length(var.web_origins) == 0 ? 0 : 1

  api_id             = aws_apigatewayv2_api.query.id
  route_key          = "OPTIONS /{proxy+}"
  target             = "integrations/${aws_apigatewayv2_integration.query.id}"
  authorization_type = "NONE"
}

resource "aws_cloudwatch_log_group" "access" {
  # API Gateway may write to every group with this prefix; a separate policy would soon be too long.
  name              = "/aws/vendedlogs/${var.name}-query"
  retention_in_days = var.log_days
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.query.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    detailed_metrics_enabled = true
    throttling_rate_limit    = var.throttle.rate
    throttling_burst_limit   = var.throttle.burst
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      time       = "$context.requestTime"
      request_id = "$context.requestId"
      client     = "$context.identity.sourceIp"
      subject    = "$context.authorizer.claims.sub"
      method     = "$context.httpMethod"
      path       = "$context.path"
      status     = "$context.status"
      bytes      = "$context.responseLength"
      ms         = "$context.responseLatency"
      error      = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_lambda_permission" "api" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = module.query.name
  qualifier     = module.query.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.query.execution_arn}/*/*" # its stage, and all its routes
}

resource "aws_cloudwatch_metric_alarm" "api" {
  alarm_name          = "${var.name}-query-5xx"
  alarm_description   = "More than 1 % of requests fail: check the table, the function and its timeout. docs/how-to/runbook.md#5xx"
  namespace           = "AWS/ApiGateway"
  metric_name         = "5xx"
  dimensions          = { ApiId = aws_apigatewayv2_api.query.id }
  statistic           = "Average"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.01
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_apigatewayv2_domain_name" "api" {
  count = var.api_domain == null ? 0 : 1

  domain_name = var.api_domain.name

  domain_name_configuration {
    certificate_arn = var.api_domain.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "api" {
  count = var.api_domain == null ? 0 : 1

  api_id      = aws_apigatewayv2_api.query.id
  domain_name = aws_apigatewayv2_domain_name.api[0].id
  stage       = aws_apigatewayv2_stage.default.id
}

locals {
  # A test compares these with the API's routes.
  open_routes = [
    "GET /",
    "GET /docs",
    "GET /openapi.json",
    "GET /playlists/{proxy+}",
    "GET /sign-in",
    "GET /web/{proxy+}",
    "HEAD /",
    "HEAD /docs",
    "HEAD /openapi.json",
    "HEAD /playlists/{proxy+}",
    "HEAD /sign-in",
    "HEAD /web/{proxy+}",
  ]

  # Origins of the page.
  own_origins = concat(
    [aws_apigatewayv2_api.query.api_endpoint],
    [for domain in aws_apigatewayv2_domain_name.api : "https://${domain.domain_name}"],
    local.public_origins,
  )

  # Origins whose pages may access the buckets.
  origins = concat(local.own_origins, var.web_origins)

  # What pages of other sites may send and read; a test compares it with pipeline/api/cors.py.
  cors = {
    origins = [for origin in var.web_origins : lower(origin)]
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    headers = ["authorization", "content-type", "if-none-match", "last-event-id", "x-request-id"]
    exposed = ["content-disposition", "etag", "location", "retry-after", "x-request-id"]
  }

  cross_origin = length(var.web_origins) == 0 ? {} : {
    VIDEODROP_CORS_ORIGINS = jsonencode(local.cors.origins)
  }

  # Where the page gets tokens.
  provider = local.page == null ? {} : { VIDEODROP_SIGN_IN = local.page }

  # A SecureString with the account's default key needs no permission for that key.
  read_key = var.cdn == null ? [] : [{
    Action   = ["ssm:GetParameter"]
    Resource = ["arn:${local.partition}:ssm:${var.region}:${local.account}:parameter${var.cdn.key_parameter}"]
  }]
}
