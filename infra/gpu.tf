# One pool of GPU hosts for all stages that run there.

locals {
  gpu_stages = [for stage, one in local.compute : stage if try(one.host, "lambda") == "gpu"]
  gpu_lanes  = flatten([for stage in local.gpu_stages : values(module.stage[stage].queues)[*].arn])

  # What stages have in common is one statement. A list of different types has no distinct elements.
  gpu_statements = [
    for statement in distinct([
      for one in concat(flatten([for stage in local.gpu_stages : module.stage[stage].statements]), local.common.statements) : jsonencode(one)
    ]) : jsondecode(statement)
  ]

  # Few messages may wait for a host: for the janitor they are not lost meanwhile.
  gather_s = { for lane, minutes in try(var.gpu.gather_minutes, {}) : lane => minutes * 60 }

  # By name, as all ARNs of policies (locals.tf). A definition has a number for each revision.
  batch = "arn:${local.partition}:batch:${var.region}:${local.account}"

  # The janitor starts the hosts.
  pool = {
    for pool in module.gpu_pool : "VIDEODROP_POOL" => jsonencode({
      queue      = pool.queue
      definition = pool.definition
      stages     = local.gpu_stages
      max_hosts  = var.gpu.max_hosts
      gather_s   = local.gather_s
    })
  }
  start_hosts = flatten([
    for pool in module.gpu_pool : [
      {
        # Batch lists jobs without a resource name.
        Action   = ["batch:ListJobs"]
        Resource = ["*"]
      },
      {
        Action   = ["batch:SubmitJob"]
        Resource = ["${local.batch}:job-queue/${pool.queue}", "${local.batch}:job-definition/${pool.definition}*"]
      },
    ]
  ])
}

module "gpu_pool" {
  source = "./modules/gpu_pool"
  # moto wants a service role, where AWS has its own, and runs jobs in Docker at once.
  count = length(local.gpu_stages) > 0 && !var.local ? 1 : 0

  name             = "${var.name}-gpu"
  image            = var.images.gpu
  stages           = local.gpu_stages
  statements       = local.gpu_statements
  queues           = local.gpu_lanes
  hosts            = var.gpu
  worker_timeout_s = local.worker_timeout_s
  common           = local.common
  repository_arn   = aws_ecr_repository.images["gpu"].arn
}
