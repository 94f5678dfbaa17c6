# A whole installation on AWS, including resources that no simulator supports.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_servicequotas_service_quota" {
    defaults = { value = 1000 }
  }
}

variables {
  functions = { zip = "versions.tf" } # any file
  images = {
    lambda = "repository@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    gpu    = "repository@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  }
}

run "by_default" {
  command = plan

  assert {
    condition     = length(aws_cloudfront_distribution.cdn) == 0 && length(aws_budgets_budget.month) == 0 && length(aws_codedeploy_app.functions) == 0
    error_message = "Optional resources are not created."
  }
  assert {
    condition     = aws_apigatewayv2_route.all.authorization_type == "JWT" && aws_apigatewayv2_route.all.authorization_scopes == toset(["videodrop/replay"])
    error_message = "Whatever is not a read needs a token for changes."
  }
  assert {
    condition     = { for key, route in aws_apigatewayv2_route.read : route.route_key => [route.authorization_type, one(route.authorization_scopes)] } == { for method in ["GET", "HEAD"] : "${method} /{proxy+}" => ["JWT", "videodrop/read"] }
    error_message = "Reads need a token for reads."
  }
  assert {
    condition     = toset(keys(aws_apigatewayv2_route.open)) == toset(local.open_routes) && alltrue([for key, route in aws_apigatewayv2_route.open : route.route_key == key && route.authorization_type == "NONE"])
    error_message = "The pages and the playlists, whose addresses are signed, are exceptions."
  }
  assert {
    condition     = one(aws_cognito_user_pool.people[0].admin_create_user_config).allow_admin_create_user_only && aws_cognito_user_pool.people[0].deletion_protection == "ACTIVE"
    error_message = "Nobody signs up, and nobody deletes the pool by mistake."
  }
  assert {
    condition     = !aws_cognito_user_pool_client.page[0].generate_secret && aws_cognito_user_pool_client.page[0].allowed_oauth_flows == toset(["code"])
    error_message = "The page has no secret, and gets a code."
  }
  assert {
    condition     = local.settings["VIDEODROP_MAX_REPLAY_USD"] == "20" && output.environment["VIDEODROP_MAX_REPLAY_USD"] == "20"
    error_message = "Replays have a limit, also those of the command line."
  }
  assert {
    condition     = local.reservation == { query = 100, events = 12, janitor = 3, replays = 5 } && local.rest == 880
    error_message = "The API and the functions that are not stages have executions of their own."
  }
  assert {
    condition     = alltrue([for stage in values(local.compute) : stage.live_concurrency == floor(0.8 * 880 / local.stages) && stage.replay_concurrency == floor(0.1 * 880 / local.stages)])
    error_message = "Stages share the rest."
  }
  assert {
    condition     = length(aws_apigatewayv2_api.query.cors_configuration) == 0 && length(aws_apigatewayv2_route.preflight) == 0 && length(local.cross_origin) == 0
    error_message = "Pages of other sites may do nothing."
  }
  assert {
    condition     = aws_dynamodb_table.catalog.deletion_protection_enabled && one(aws_dynamodb_table.catalog.point_in_time_recovery).enabled
    error_message = "The table cannot be deleted by mistake, and can be restored."
  }
  assert {
    condition = alltrue([
      for repository in aws_ecr_repository.images :
      repository.image_tag_mutability == "IMMUTABLE" && one(repository.image_scanning_configuration).scan_on_push && !repository.force_delete
    ])
    error_message = "Images are immutable and scanned."
  }
  assert {
    condition     = alltrue([for policy in aws_ecr_lifecycle_policy.images : alltrue([for rule in jsondecode(policy.policy).rules : rule.selection.tagStatus == "untagged"])])
    error_message = "No image is deleted that may still be in use."
  }
  assert {
    condition     = [for kind in ["UPLOADS", "ARTIFACTS"] : local.settings["VIDEODROP_${kind}_BUCKET"]] == [for kind in ["uploads", "artifacts"] : "videodrop-${kind}-123456789012-us-east-1"]
    error_message = "Bucket names are globally unique."
  }
  assert {
    condition     = !contains(keys(local.settings), "OTEL_EXPORTER_OTLP_ENDPOINT") && local.common.tracing == "Active"
    error_message = "Lambda traces, and no spans are sent to a collector that nobody named."
  }
  assert {
    condition     = [for stage in ["TRANSCRIBE", "DETECT"] : local.settings["VIDEODROP_PARAMS__${stage}__MODEL"]] == ["base", "yolox-s"]
    error_message = "Models are named, so that functions without weights plan the same runs."
  }
  assert {
    condition     = aws_s3_bucket_notification.uploads[0].eventbridge
    error_message = "Uploads are events."
  }
  assert {
    condition     = length(module.gpu_pool) == 0 && local.pool == {} && local.start_hosts == []
    error_message = "There are no GPU hosts."
  }
  assert {
    condition     = alltrue([for name, stage in module.stage : stage.function == "videodrop-${name}"])
    error_message = "Stages run on Lambda."
  }
  assert {
    condition     = one(aws_apigatewayv2_stage.default.default_route_settings).throttling_rate_limit == 50 && length(aws_apigatewayv2_stage.default.access_log_settings) == 1
    error_message = "The API throttles, and logs requests."
  }
  assert {
    condition     = !can(jsondecode(aws_cloudwatch_event_archive.uploads.event_pattern)["replay-name"])
    error_message = "The archive's pattern matches all uploads."
  }
}

run "all_of_it" {
  command = plan
  variables {
    compute = {
      detect     = { host = "gpu" }
      transcribe = { provisioned_concurrency = 2, warm_up = "rate(5 minutes)" }
    }
    gpu = { subnet_ids = ["subnet-1"], gather_minutes = { live = 30, replay = 60 } }
    sign_in = {
      issuer   = "https://issuer.example.com"
      audience = ["videodrop"]
      scopes   = { read = "films:read", replay = "films:write" }
      page = {
        authorize = "https://sign-in.example.com/authorize?audience=videodrop"
        token     = "https://sign-in.example.com/token"
        client_id = "page"
      }
    }
    tags                 = { Team = "films" }
    permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
    kms_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/1"
    vpc                  = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    concurrency          = { quota = 2000 }
    max_replay_usd       = null

    cdn         = { public_key = "-----BEGIN PUBLIC KEY-----\n", key_parameter = "/videodrop/cdn-key" }
    budget_usd  = 100
    web_origins = ["https://App.example.com"]
    rollout     = "CodeDeployDefault.LambdaLinear10PercentEvery1Minute"

    otlp_endpoint = "http://collector:4318"
  }

  assert {
    condition     = length(module.gpu_pool) == 1 && local.gpu_stages == ["detect"] && length(local.gpu_lanes) == 2
    error_message = "One pool of hosts serves the stages that are not on Lambda."
  }
  assert {
    condition     = local.settings["VIDEODROP_REDELIVERY_S"] == tostring(6 * 840 + 3600)
    error_message = "A message that waits for others is not lost for the janitor."
  }
  assert {
    condition     = local.oldest_message_s["detect"] == 1800 + 1800 && local.oldest_message_s["thumbnail"] == 1800
    error_message = "The age alarm waits as long as an upload may wait for others."
  }
  assert {
    condition     = [for statement in local.start_hosts : statement.Action] == [["batch:ListJobs"], ["batch:SubmitJob"]]
    error_message = "The janitor starts hosts."
  }
  assert {
    condition     = aws_apigatewayv2_route.all.authorization_scopes == toset(["films:write"]) && alltrue([for route in aws_apigatewayv2_route.read : route.authorization_scopes == toset(["films:read"])])
    error_message = "Routes ask for the provider's scopes."
  }
  assert {
    condition     = one(aws_apigatewayv2_authorizer.jwt[0].jwt_configuration) == { audience = toset(["videodrop"]), issuer = "https://issuer.example.com" } && length(aws_cognito_user_pool.people) == 0
    error_message = "Tokens are the provider's, and there is no pool."
  }
  assert {
    condition     = one(aws_apigatewayv2_route.preflight).authorization_type == "NONE" && tolist(one(aws_apigatewayv2_api.query.cors_configuration).allow_origins) == tolist(["https://app.example.com"])
    error_message = "Pages of a site that is named may use the API; their preflights have no token."
  }
  assert {
    condition     = local.cross_origin["VIDEODROP_CORS_ORIGINS"] == jsonencode(["https://app.example.com"])
    error_message = "The API lets them write."
  }
  assert {
    condition     = jsondecode(local.provider["VIDEODROP_SIGN_IN"]) == merge(var.sign_in.page, { scope = "openid" })
    error_message = "The page has the provider of tokens."
  }
  assert {
    condition     = one(aws_cloudfront_distribution.cdn["this"].ordered_cache_behavior).path_pattern == "artifacts/*"
    error_message = "Artifacts have their own behaviour."
  }
  assert {
    condition     = one(aws_cloudfront_distribution.cdn["this"].ordered_cache_behavior).viewer_protocol_policy == "https-only"
    error_message = "Artifacts are sent over TLS only."
  }
  assert {
    condition     = one(aws_cloudfront_distribution.cdn["this"].default_cache_behavior).viewer_protocol_policy == "redirect-to-https"
    error_message = "The page is served over TLS only."
  }
  assert {
    condition = alltrue([
      for origin in aws_cloudfront_distribution.cdn["this"].origin : alltrue([
        for config in origin.custom_origin_config :
        config.origin_protocol_policy == "https-only" && config.origin_ssl_protocols == toset(["TLSv1.2"])
      ])
    ])
    error_message = "CloudFront connects to the API over TLS only."
  }
  assert {
    condition     = aws_cloudfront_origin_access_control.artifacts["this"].signing_behavior == "always"
    error_message = "CloudFront signs its requests to the bucket."
  }
  assert {
    condition     = toset([for notification in one(aws_budgets_budget.month).notification : "${notification.notification_type} ${notification.threshold}"]) == toset(["ACTUAL 80", "FORECASTED 100"])
    error_message = "The budget notifies before it is spent."
  }
  assert {
    condition     = { for filter in one(aws_budgets_budget.month).cost_filter : filter.name => filter.values } == { TagKeyValue = tolist(["user:Project$videodrop"]) }
    error_message = "The budget counts resources with this installation's tag."
  }
  assert {
    condition     = one(aws_lambda_function_recursion_config.replays).recursive_loop == "Allow" && one(aws_lambda_function_recursion_config.replays).function_name == "videodrop-replays"
    error_message = "Lambda lets the replay driver invoke itself."
  }
  assert {
    condition     = local.common.rollout.config == var.rollout && aws_codedeploy_app.functions["this"].compute_platform == "Lambda"
    error_message = "Functions are shifted as configured."
  }
  assert {
    condition = flatten([for statement in jsondecode(aws_iam_role_policy.rollout["this"].policy).Statement : statement.Resource]) == [
      "arn:aws:lambda:us-east-1:123456789012:function:videodrop-*",
      "arn:aws:lambda:us-east-1:123456789012:function:videodrop-*:*",
      "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*",
    ]
    error_message = "CodeDeploy may shift this installation's functions and no others, and read alarms."
  }
  assert {
    condition     = local.common.permissions_boundary == var.permissions_boundary && aws_iam_role.rollout["this"].permissions_boundary == var.permissions_boundary
    error_message = "Every role has the boundary."
  }
  assert {
    condition     = one(aws_dynamodb_table.catalog.server_side_encryption).kms_key_arn == var.kms_key_arn && local.common.statements[0].Resource == [var.kms_key_arn] && toset(local.common.statements[0].Condition.StringEquals["kms:ViaService"]) == toset(["dynamodb.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com"])
    error_message = "The table has the key, and every role may use it by S3 and DynamoDB alone."
  }
  assert {
    condition     = local.reservation.query == 100 && local.rest == 1880
    error_message = "A quota that is given is shared."
  }
  assert {
    condition     = !contains(keys(local.settings), "VIDEODROP_MAX_REPLAY_USD")
    error_message = "Replays may have no limit."
  }
  assert {
    condition     = local.compute.detect.image == var.images.gpu && local.compute.transcribe.image == var.images.lambda
    error_message = "A stage has the image of its kind of host."
  }
  assert {
    condition     = module.stage["detect"].function == null
    error_message = "A stage on GPU hosts has no function."
  }
  assert {
    condition     = local.settings["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318" && local.common.settings == local.settings
    error_message = "Functions and workers send spans to the collector."
  }
}

run "signed_addresses_only" {
  variables {
    cdn = {
      public_key      = "-----BEGIN PUBLIC KEY-----\n"
      key_parameter   = "/videodrop/cdn-key"
      aliases         = ["videos.example.com", "films.example.com"]
      certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0"
      web_acl_arn     = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/films/1"
    }
    api_domain = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
    budget_usd = 100
  }
  command = plan
  override_resource {
    target          = aws_cloudfront_key_group.signers
    override_during = plan
    values          = { id = "signers" }
  }
  override_resource {
    target          = aws_cloudfront_public_key.signer
    override_during = plan
    values          = { id = "K1" }
  }
  override_resource {
    target          = aws_cloudfront_distribution.cdn
    override_during = plan
    values          = { domain_name = "d1.cloudfront.net" }
  }
  override_resource {
    target          = aws_apigatewayv2_api.query
    override_during = plan
    values = {
      api_endpoint  = "https://a1.execute-api.us-east-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:us-east-1:123456789012:a1"
    }
  }
  override_resource {
    target          = aws_sns_topic.alarms
    override_during = plan
    values          = { arn = "arn:aws:sns:us-east-1:123456789012:videodrop-alarms" }
  }

  assert {
    condition     = one(aws_cloudfront_distribution.cdn["this"].ordered_cache_behavior).trusted_key_groups == tolist(["signers"])
    error_message = "Artifacts need a signed URL."
  }
  assert {
    condition = local.signing == {
      VIDEODROP_CDN__DOMAIN        = "videos.example.com"
      VIDEODROP_CDN__KEY_ID        = "K1"
      VIDEODROP_CDN__KEY_PARAMETER = "/videodrop/cdn-key"
      VIDEODROP_PUBLIC_ORIGINS     = jsonencode(["https://videos.example.com", "https://films.example.com", "https://d1.cloudfront.net"])
    }
    error_message = "The API signs URLs of the distribution, and has the origin of its pages."
  }
  assert {
    condition     = aws_lambda_permission.api.source_arn == "arn:aws:execute-api:us-east-1:123456789012:a1/*/*" && aws_lambda_permission.api.qualifier == "live"
    error_message = "This API may invoke the alias, and nothing else may."
  }
  assert {
    condition     = local.read_key[0].Resource == ["arn:aws:ssm:us-east-1:123456789012:parameter/videodrop/cdn-key"]
    error_message = "The API may read only the private key."
  }
  assert {
    condition     = alltrue([for domain in ["videos.example.com", "films.example.com", "d1.cloudfront.net", "api.example.com"] : contains(local.origins, "https://${domain}")])
    error_message = "The API's pages may access the buckets, under each domain."
  }
  assert {
    condition     = one(one(one(aws_cloudfront_cache_policy.artifacts["this"].parameters_in_cache_key_and_forwarded_to_origin).query_strings_config).query_strings).items == toset(["response-content-disposition"])
    error_message = "S3 receives the file name for downloads."
  }
  assert {
    condition     = one(aws_cloudfront_distribution.cdn["this"].viewer_certificate).acm_certificate_arn == var.cdn.certificate_arn && one(aws_cloudfront_distribution.cdn["this"].viewer_certificate).minimum_protocol_version == "TLSv1.2_2021"
    error_message = "Custom domains have their certificate."
  }
  assert {
    condition     = aws_cloudfront_distribution.cdn["this"].web_acl_id == var.cdn.web_acl_arn
    error_message = "The web ACL filters what comes by CloudFront."
  }
  assert {
    condition     = aws_cognito_user_pool_client.page[0].callback_urls == toset([for domain in ["videos.example.com", "films.example.com", "d1.cloudfront.net", "api.example.com", "a1.execute-api.us-east-1.amazonaws.com"] : "https://${domain}/"])
    error_message = "People come back to whichever domain they signed in at."
  }
  assert {
    condition     = output.domains["videos.example.com"] == "d1.cloudfront.net" && contains(keys(output.domains), "api.example.com")
    error_message = "The outputs have the targets of CNAMEs."
  }
  assert {
    condition     = alltrue([for notification in one(aws_budgets_budget.month).notification : notification.subscriber_sns_topic_arns == toset([aws_sns_topic.alarms.arn])])
    error_message = "The budget notifies the subscribers of alarms."
  }
}

run "open" {
  command = plan
  variables {
    sign_in = "open"
  }

  assert {
    condition     = length(aws_apigatewayv2_authorizer.jwt) == 0 && length(aws_apigatewayv2_route.open) == 0 && length(aws_apigatewayv2_route.read) == 0 && aws_apigatewayv2_route.all.authorization_type == "NONE" && length(local.provider) == 0 && output.sign_in == null
    error_message = "An open API has one route and no sign-in."
  }
}

run "existing_bucket" {
  command = plan
  variables {
    uploads_bucket          = "films"
    existing_uploads_bucket = true
  }
  override_data {
    target          = data.aws_s3_bucket.uploads
    override_during = plan
    values          = { region = "us-east-1" }
  }

  assert {
    condition     = length(module.uploads) == 0 && length(aws_s3_bucket_notification.uploads) == 0
    error_message = "Nothing of a bucket that exists is changed."
  }
  assert {
    condition     = local.settings["VIDEODROP_UPLOADS_BUCKET"] == "films" && output.drop == "s3://films/videos/" && strcontains(local.patterns.created, "\"films\"")
    error_message = "Its uploads are processed."
  }
}

run "bucket_elsewhere" {
  command = plan
  variables {
    uploads_bucket          = "films"
    existing_uploads_bucket = true
  }
  override_data {
    target          = data.aws_s3_bucket.uploads
    override_during = plan
    values          = { region = "eu-central-1" }
  }
  expect_failures = [aws_cloudwatch_event_archive.uploads]
}

run "any_token" {
  command = plan
  variables {
    sign_in = { issuer = "https://issuer.example.com", audience = ["videodrop"] }
  }

  assert {
    condition     = aws_apigatewayv2_route.all.authorization_type == "JWT" && aws_apigatewayv2_route.all.authorization_scopes == null && length(local.provider) == 0
    error_message = "A provider without scopes lets its tokens do everything; people paste one."
  }
}

run "cognito" {
  command = plan
  variables {
    sign_in_clients = ["program"]
  }
  override_resource {
    target          = aws_apigatewayv2_api.query
    override_during = plan
    values = {
      api_endpoint  = "https://a1.execute-api.us-east-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:us-east-1:123456789012:a1"
    }
  }
  override_resource {
    target          = aws_cognito_user_pool.people
    override_during = plan
    values          = { id = "us-east-1_P", endpoint = "cognito-idp.us-east-1.amazonaws.com/us-east-1_P" }
  }
  override_resource {
    target          = aws_cognito_user_pool_client.page
    override_during = plan
    values          = { id = "page-id" }
  }

  assert {
    condition     = one(aws_apigatewayv2_authorizer.jwt[0].jwt_configuration) == { audience = toset(["page-id", "program"]), issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_P" }
    error_message = "The API accepts tokens of the page and of programs that are named."
  }
  assert {
    condition = jsondecode(local.provider["VIDEODROP_SIGN_IN"]) == {
      authorize = "https://videodrop-123456789012.auth.us-east-1.amazoncognito.com/oauth2/authorize"
      token     = "https://videodrop-123456789012.auth.us-east-1.amazoncognito.com/oauth2/token"
      client_id = "page-id"
      scope     = "videodrop/read videodrop/replay"
    }
    error_message = "The page asks Cognito for both scopes."
  }
  assert {
    condition     = aws_cognito_user_pool_client.page[0].callback_urls == toset(["https://a1.execute-api.us-east-1.amazonaws.com/"])
    error_message = "Cognito sends people back to the page alone."
  }
}

run "new_account" {
  command = plan
  variables {
    concurrency = { quota = 10 }
  }
  expect_failures = [aws_apigatewayv2_integration.query]
}

run "new_account_without_reservations" {
  command = plan
  variables {
    concurrency = { quota = 10, reserve = false }
  }

  assert {
    condition     = alltrue([for executions in values(local.reservation) : executions == -1]) && local.compute.detect.live_concurrency == 2
    error_message = "Nothing is reserved, and stages have the least that Lambda takes."
  }
}

run "simulator" {
  command = plan
  variables {
    local      = true
    cdn        = { public_key = "-----BEGIN PUBLIC KEY-----\n", key_parameter = "/videodrop/cdn-key" }
    budget_usd = 100
  }

  assert {
    condition     = length(aws_cloudfront_distribution.cdn) == 0 && length(aws_budgets_budget.month) == 0 && length(aws_codedeploy_app.functions) == 0 && length(aws_lambda_function_recursion_config.replays) == 0
    error_message = "moto supports no distribution, no budget, no gradual deployment and no loops."
  }
  assert {
    condition     = local.common.rollout == null
    error_message = "Without CodeDeploy functions have no deployment group."
  }
}
