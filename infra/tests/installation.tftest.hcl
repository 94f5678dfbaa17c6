# A whole installation on AWS, including resources that no simulator supports.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
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
    condition     = length(aws_cloudfront_distribution.cdn) == 0 && length(aws_budgets_budget.month) == 0 && length(aws_apigatewayv2_authorizer.jwt) == 0 && length(aws_apigatewayv2_route.open) == 0
    error_message = "Optional resources are not created."
  }
  assert {
    condition     = local.sign_in == {}
    error_message = "There is no sign-in without authentication."
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
    condition     = aws_s3_bucket_notification.uploads.eventbridge
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
    gpu = { subnet_ids = ["subnet-1"], gather_minutes = { replay = 60 } }
    jwt = {
      issuer   = "https://issuer.example.com"
      audience = ["videodrop"]
      sign_in = {
        authorize = "https://sign-in.example.com/authorize?audience=videodrop"
        token     = "https://sign-in.example.com/token"
        client_id = "page"
      }
    }
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
    condition     = [for statement in local.start_hosts : statement.Action] == [["batch:ListJobs"], ["batch:SubmitJob"]]
    error_message = "The janitor starts hosts."
  }
  assert {
    condition     = aws_apigatewayv2_route.all.authorization_type == "JWT"
    error_message = "Requests without a token are rejected."
  }
  assert {
    condition     = toset(keys(aws_apigatewayv2_route.open)) == toset(local.open_routes) && alltrue([for key, route in aws_apigatewayv2_route.open : route.route_key == key && route.authorization_type == "NONE"])
    error_message = "The pages and the playlists, whose addresses are signed, are exceptions."
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
    condition     = jsondecode(local.sign_in["VIDEODROP_SIGN_IN"]) == merge(var.jwt.sign_in, { scope = "openid" })
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
    condition     = output.domains["videos.example.com"] == "d1.cloudfront.net" && contains(keys(output.domains), "api.example.com")
    error_message = "The outputs have the targets of CNAMEs."
  }
  assert {
    condition     = alltrue([for notification in one(aws_budgets_budget.month).notification : notification.subscriber_sns_topic_arns == toset([aws_sns_topic.alarms.arn])])
    error_message = "The budget notifies the subscribers of alarms."
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
