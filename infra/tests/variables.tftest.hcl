# Wrong values of variables. No provider is needed to reject them, so a copy without any is tested.

variables {
  functions = { zip = "versions.tf" } # any file
  images = {
    lambda = "repository@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    gpu    = "repository@sha256:1111111111111111111111111111111111111111111111111111111111111111"
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
    max_replay_usd   = 0
    tags             = { Project = "films" }
    concurrency      = { quota = 5 }
    vpc              = { subnet_ids = ["subnet-1"], security_group_ids = [] }
    throttle         = { burst = 0 }

    permissions_boundary = "boundary"
    cdn                  = { public_key = "key", key_parameter = "/videodrop/cdn-key" }
    rollout              = "CodeDeployDefault.OneAtATime"
    failure_percent      = 100
    oldest_message_s     = 1
    budget_usd           = 0
    log_days             = 2
    functions            = { zip = "nowhere.zip" }
    otlp_endpoint        = "collector:4318"
    tracing              = "Always"
  }
  expect_failures = [
    var.name, var.region, var.settings, var.web_origins, var.old_uploads_days, var.archive_days,
    var.cdn, var.oldest_message_s, var.budget_usd, var.log_days, var.functions, var.rollout, var.failure_percent,
    var.otlp_endpoint, var.tracing, var.max_replay_usd, var.tags, var.concurrency, var.vpc,
    var.permissions_boundary, var.throttle,
  ]
}

# Variables with several conditions: one per run. A condition of `compute` uses `gpu`, one of `sign_in`
# uses `name`, and is not evaluated if that is invalid.

run "wrong_values_2" {
  command = plan
  variables {
    name      = "ecs-videos"
    compute   = { transmogrify = {} }
    functions = { zip = "versions.tf", runtime = "python3.11" }
    cdn       = { public_key = "-----BEGIN PUBLIC KEY-----\n", key_parameter = "/key", price_class = "PriceClass_0" }
    images    = { lambda = "repository:latest" }

    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
    api_domain  = { name = "https://api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
  }
  expect_failures = [var.name, var.compute, var.functions, var.cdn, var.images, var.api_domain, var.kms_key_arn]
}

run "wrong_values_3" {
  command = plan
  variables {
    compute   = { detect = { host = "fargate" } }
    functions = { zip = "versions.tf", architecture = "riscv" }
    sign_in   = { issuer = "https://issuer.example.com", audience = [] }
    cdn       = { public_key = "-----BEGIN PUBLIC KEY-----\n", key_parameter = "key" }

    api_domain = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-west-2:123456789012:certificate/1" }
  }
  expect_failures = [var.compute, var.functions, var.sign_in, var.cdn, var.api_domain]
}

run "half_of_the_scopes_and_a_regional_firewall" {
  command = plan
  variables {
    sign_in = { issuer = "https://issuer.example.com", audience = ["videodrop"], scopes = { read = "read" } }
    cdn     = { public_key = "-----BEGIN PUBLIC KEY-----\n", key_parameter = "/key", web_acl_arn = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/films/1" }
  }
  expect_failures = [var.sign_in, var.cdn]
}

run "unknown_part_of_a_provider" {
  command = plan
  variables {
    sign_in = { issuer = "https://issuer.example.com", audience = ["videodrop"], scope = "read" }
  }
  expect_failures = [var.sign_in]
}

run "provider_without_tls" {
  command = plan
  variables {
    sign_in = { issuer = "http://issuer.example.com", audience = ["videodrop"] }
  }
  expect_failures = [var.sign_in]
}

run "page_with_a_wildcard" {
  command = plan
  variables {
    sign_in = {
      issuer   = "https://issuer.example.com"
      audience = ["videodrop"]
      page     = { authorize = "https://example.com/authorize", token = "https://*.example.com/token", client_id = "page" }
    }
  }
  expect_failures = [var.sign_in]
}

run "programs_without_a_pool" {
  command = plan
  variables {
    sign_in         = "open"
    sign_in_clients = ["program"]
  }
  expect_failures = [var.sign_in_clients]
}

run "bucket_without_a_name" {
  command = plan
  variables {
    existing_uploads_bucket = true
  }
  expect_failures = [var.existing_uploads_bucket]
}

run "unknown_way_to_sign_in" {
  command = plan
  variables {
    sign_in = "public"
  }
  expect_failures = [var.sign_in]
}

run "name_that_cognito_rejects" {
  command = plan
  variables {
    name = "films-on-aws"
  }
  expect_failures = [var.sign_in]
}

run "wrong_architecture_and_no_certificate" {
  command = plan
  variables {
    compute = { detect = { architecture = "riscv" } }
    cdn     = { public_key = "-----BEGIN PUBLIC KEY-----\n", key_parameter = "/key", aliases = ["videos.example.com"] }
  }
  expect_failures = [var.compute, var.cdn]
}

run "unpinned_image_and_certificate_elsewhere" {
  command = plan
  variables {
    compute = { detect = { image = "repository:latest" } }
    cdn = {
      public_key      = "-----BEGIN PUBLIC KEY-----\n"
      key_parameter   = "/key"
      aliases         = ["videos.example.com"]
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0"
    }
  }
  expect_failures = [var.compute, var.cdn]
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

run "more_memory_than_there_is" {
  command = plan
  variables {
    compute = { detect = { memory_mb = 10241 } }
  }
  expect_failures = [var.compute]
}

run "less_memory_than_there_is" {
  command = plan
  variables {
    compute = { detect = { memory_mb = 127 } }
  }
  expect_failures = [var.compute]
}

run "memory_of_a_gpu_host" {
  command = plan
  variables {
    compute = { detect = { host = "gpu", memory_mb = 2048 } }
    gpu     = { subnet_ids = ["subnet-1"] }
  }
  expect_failures = [var.compute]
}

run "runtime_that_the_provider_does_not_know" {
  command = plan
  variables {
    functions = { zip = "versions.tf", runtime = "python3.14" }
  }
  expect_failures = [var.functions]
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

run "image_of_hosts_by_a_wrong_name" {
  command = plan
  variables {
    gpu = { subnet_ids = ["subnet-1"], ami_id = "/aws/service/ecs/image_id" }
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

run "messages_gathered_for_more_than_a_day" {
  command = plan
  variables {
    gpu = { subnet_ids = ["subnet-1"], gather_minutes = { replay = 1441 } }
  }
  expect_failures = [var.gpu]
}

run "image_of_one_stage_on_gpu_hosts" {
  command = plan
  variables {
    compute = { detect = { host = "gpu", image = "repository@sha256:0000000000000000000000000000000000000000000000000000000000000000" } }
    gpu     = { subnet_ids = ["subnet-1"] }
  }
  expect_failures = [var.compute]
}

run "end_in_more_than_a_day" {
  command = plan
  variables {
    gpu = { subnet_ids = ["subnet-1"], idle_s = 86401 }
  }
  expect_failures = [var.gpu]
}

run "hasty_end" {
  command = plan
  variables {
    gpu = { subnet_ids = ["subnet-1"], idle_s = 1 }
  }
  expect_failures = [var.gpu]
}
