# The whole, on AWS: also what no simulator holds.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  functions = { zip = "versions.tf" } # any file will do
  images = {
    lambda = "repository@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    gpu    = "repository@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  }
}

run "by_default" {
  command = plan

  assert {
    condition     = length(aws_cloudfront_distribution.cdn) == 0 && length(aws_budgets_budget.month) == 0 && length(aws_apigatewayv2_authorizer.jwt) == 0
    error_message = "What nobody asked for is not made."
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
    error_message = "An image that was pushed stays what it is, and is scanned."
  }
  assert {
    condition     = aws_s3_bucket_notification.uploads.eventbridge
    error_message = "Uploads are events."
  }
  assert {
    condition     = alltrue([for name, stage in module.stage : stage.function == "videodrop-${name}"])
    error_message = "Stages run on Lambda."
  }
  assert {
    condition     = one(aws_apigatewayv2_stage.default.default_route_settings).throttling_rate_limit == 50 && length(aws_apigatewayv2_stage.default.access_log_settings) == 1
    error_message = "The API throttles, and logs who asks."
  }
  assert {
    condition     = !can(jsondecode(aws_cloudwatch_event_archive.uploads.event_pattern)["replay-name"])
    error_message = "The archive's pattern is that of uploads, whenever they are sent."
  }
}

run "all_of_it" {
  command = plan
  variables {
    compute    = { detect = { host = "gpu" }, transcribe = { provisioned_concurrency = 2, warm_up = "rate(5 minutes)" } }
    gpu        = { subnet_ids = ["subnet-1"] }
    jwt        = { issuer = "https://issuer.example.com", audience = ["videodrop"] }
    cdn        = { public_key = "-----BEGIN PUBLIC KEY-----\n" }
    budget_usd = 100
  }

  assert {
    condition     = aws_apigatewayv2_route.all.authorization_type == "JWT"
    error_message = "Who has no token gets no answer."
  }
  assert {
    condition     = one(aws_cloudfront_distribution.cdn["this"].ordered_cache_behavior).path_pattern == "artifacts/*"
    error_message = "Artifacts have a behaviour of their own."
  }
  assert {
    condition     = one(aws_cloudfront_distribution.cdn["this"].ordered_cache_behavior).viewer_protocol_policy == "https-only"
    error_message = "Artifacts are sent over TLS only."
  }
  assert {
    condition     = aws_cloudfront_origin_access_control.artifacts["this"].signing_behavior == "always"
    error_message = "CloudFront signs what it asks the bucket for."
  }
  assert {
    condition     = toset([for notification in one(aws_budgets_budget.month).notification : "${notification.notification_type} ${notification.threshold}"]) == toset(["ACTUAL 80", "FORECASTED 100"])
    error_message = "The budget warns in time."
  }
  assert {
    condition     = local.compute.detect.image == var.images.gpu && local.compute.transcribe.image == var.images.lambda
    error_message = "A stage has the image of its kind of host."
  }
  assert {
    condition     = module.stage["detect"].function == null
    error_message = "What runs on GPU hosts has no function."
  }
}

run "signed_addresses_only" {
  variables {
    cdn = { public_key = "-----BEGIN PUBLIC KEY-----\n" }
  }
  command = plan
  override_resource {
    target          = aws_cloudfront_key_group.signers
    override_during = plan
    values          = { id = "signers" }
  }

  assert {
    condition     = one(aws_cloudfront_distribution.cdn["this"].ordered_cache_behavior).trusted_key_groups == tolist(["signers"])
    error_message = "Artifacts are for those with a signature."
  }
}

run "simulator" {
  command = plan
  variables {
    local      = true
    cdn        = { public_key = "-----BEGIN PUBLIC KEY-----\n" }
    budget_usd = 100
  }

  assert {
    condition     = length(aws_cloudfront_distribution.cdn) == 0 && length(aws_budgets_budget.month) == 0
    error_message = "moto holds neither a distribution nor a budget."
  }
}

run "wrong_values" {
  command = plan
  variables {
    name             = "Videodrop"
    region           = "somewhere"
    settings         = { PATH = "/" }
    web_origins      = ["*"]
    old_uploads_days = 0
    archive_days     = -1
    jwt              = { issuer = "http://issuer.example.com", audience = ["videodrop"] }
    cdn              = { public_key = "key" }
    oldest_message_s = 1
    budget_usd       = 0
    log_days         = 2
    functions        = { zip = "nowhere.zip" }
  }
  expect_failures = [
    var.name, var.region, var.settings, var.web_origins, var.old_uploads_days, var.archive_days, var.jwt,
    var.cdn, var.oldest_message_s, var.budget_usd, var.log_days, var.functions,
  ]
}

# Variables with several conditions: one of each a run. A condition of `compute` looks at `gpu`, and
# is not looked at itself where that is wrong.

run "wrong_values_2" {
  command = plan
  variables {
    compute   = { transmogrify = {} }
    functions = { zip = "versions.tf", runtime = "python3.11" }
    cdn       = { public_key = "-----BEGIN PUBLIC KEY-----\n", price_class = "PriceClass_0" }
    images    = { lambda = "repository:latest" }
  }
  expect_failures = [var.compute, var.functions, var.cdn, var.images]
}

run "wrong_values_3" {
  command = plan
  variables {
    compute   = { detect = { host = "fargate" } }
    functions = { zip = "versions.tf", architecture = "riscv" }
    jwt       = { issuer = "https://issuer.example.com", audience = [] }
  }
  expect_failures = [var.compute, var.functions, var.jwt]
}

run "wrong_architecture" {
  command = plan
  variables {
    compute = { detect = { architecture = "riscv" } }
  }
  expect_failures = [var.compute]
}

run "unpinned_image" {
  command = plan
  variables {
    compute = { detect = { image = "repository:latest" } }
  }
  expect_failures = [var.compute]
}

run "one_at_once" {
  command = plan
  variables {
    compute = { detect = { replay_concurrency = 1 } }
  }
  expect_failures = [var.compute]
}

run "more_provisioned_than_used" {
  command = plan
  variables {
    compute = { detect = { live_concurrency = 2, provisioned_concurrency = 3 } }
  }
  expect_failures = [var.compute]
}

run "gpu_nowhere" {
  command = plan
  variables {
    compute = { detect = { host = "gpu" } }
  }
  expect_failures = [var.compute]
}

run "warm_gpu" {
  command = plan
  variables {
    compute = { detect = { host = "gpu", warm_up = "rate(5 minutes)" } }
    gpu     = { subnet_ids = ["subnet-1"] }
  }
  expect_failures = [var.compute]
}

run "no_subnet" {
  command = plan
  variables {
    gpu = { subnet_ids = [] }
  }
  expect_failures = [var.gpu]
}

run "no_instance_type" {
  command = plan
  variables {
    gpu = { subnet_ids = ["subnet-1"], instance_types = [] }
  }
  expect_failures = [var.gpu]
}

run "no_host" {
  command = plan
  variables {
    gpu = { subnet_ids = ["subnet-1"], max_hosts = 0 }
  }
  expect_failures = [var.gpu]
}

run "more_on_demand_than_all" {
  command = plan
  variables {
    gpu = { subnet_ids = ["subnet-1"], max_hosts = 1, on_demand_base = 2 }
  }
  expect_failures = [var.gpu]
}

run "more_than_a_hundred_percent" {
  command = plan
  variables {
    gpu = { subnet_ids = ["subnet-1"], on_demand_percent = 101 }
  }
  expect_failures = [var.gpu]
}

run "hasty_end" {
  command = plan
  variables {
    gpu = { subnet_ids = ["subnet-1"], idle_minutes = 1 }
  }
  expect_failures = [var.gpu]
}
