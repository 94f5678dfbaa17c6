# Hosts of the stages.

variable "compute" {
  description = <<-EOT
    The host of each stage, by its name; the default is Lambda.

    * host: `lambda`, or `gpu` for an ECS service on GPU hosts.
    * image, architecture: for Lambda, if other than `images.lambda` on x86_64.
    * memory_mb: of the function, if other than the topology's; the limit of new accounts is 3008.
    * live_concurrency, replay_concurrency: maximum concurrency for uploads and for replays; by default
      shares of the account's (concurrency.tf). On GPU hosts both lanes share `gpu.max_hosts`.
    * provisioned_concurrency: executions kept initialised, which cost while idle.
    * warm_up: a schedule, e.g. `rate(5 minutes)`, on which one execution loads its model.
  EOT
  type = map(object({
    host                    = optional(string, "lambda")
    image                   = optional(string)
    architecture            = optional(string, "x86_64")
    memory_mb               = optional(number)
    live_concurrency        = optional(number)
    replay_concurrency      = optional(number)
    provisioned_concurrency = optional(number, 0)
    warm_up                 = optional(string)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.compute), keys(local.topology.stages))) == 0
    error_message = "Unknown stage; topology.json has ${join(", ", keys(local.topology.stages))}."
  }
  validation {
    condition     = alltrue([for one in values(var.compute) : contains(["lambda", "gpu"], one.host)])
    error_message = "The host of a stage is lambda or gpu."
  }
  validation {
    condition     = alltrue([for one in values(var.compute) : contains(["arm64", "x86_64"], one.architecture)])
    error_message = "Lambda has arm64 and x86_64."
  }
  validation {
    condition = alltrue([
      for one in values(var.compute) : one.image == null || can(regex("@sha256:[0-9a-f]{64}$", one.image))
    ])
    error_message = "Pin images by digest: REPOSITORY@sha256:… with 64 hexadecimal digits."
  }
  validation {
    condition = alltrue([
      for one in values(var.compute) : one.memory_mb == null || try(one.memory_mb >= 128 && one.memory_mb <= 10240, false)
    ])
    error_message = "Lambda has 128 to 10240 MB."
  }
  validation {
    condition = alltrue(flatten([
      for one in values(var.compute) : [
        for number in [one.live_concurrency, one.replay_concurrency] :
        number == null || try(number >= 2 && number <= 1000, false)
      ]
    ]))
    error_message = "Lambda's event source mappings accept a maximum concurrency of 2 to 1000."
  }
  validation {
    condition = alltrue([
      for one in values(var.compute) : one.provisioned_concurrency >= 0 && one.provisioned_concurrency <= coalesce(one.live_concurrency, 1000)
    ])
    error_message = "Provisioned concurrency beyond live_concurrency is never used."
  }
  validation {
    condition = alltrue([
      for one in values(var.compute) :
      one.host == "lambda" || (one.memory_mb == null && one.provisioned_concurrency == 0 && one.warm_up == null)
    ])
    error_message = "memory_mb, provisioned_concurrency and warm_up are for Lambda only: a GPU host is warm while it runs."
  }
  validation {
    condition     = var.gpu != null || alltrue([for one in values(var.compute) : one.host != "gpu"])
    error_message = "A stage runs on GPU hosts: set their subnets in `gpu`."
  }
}

variable "gpu" {
  description = <<-EOT
    GPU hosts, for stages with such a `compute`.

    * subnet_ids: of one VPC, with access to AWS and to the images: public with automatic addresses,
      or with NAT or endpoints.
    * ami_parameter: the SSM parameter with the hosts' image, an ECS-optimised one with NVIDIA's driver
      whose first disk is /dev/xvda; by default AWS's parameter of its newest. Hosts that start after
      a change have the new one.
    * instance_types: of one GPU each, in order of preference.
    * max_hosts: maximum per stage.
    * on_demand_base, on_demand_percent: number of On-Demand hosts, and their percentage beyond that
      number; the others are Spot.
    * idle_minutes: minutes without work after which the hosts of a stage end.
  EOT
  type = object({
    subnet_ids        = list(string)
    ami_parameter     = optional(string, "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id")
    instance_types    = optional(list(string), ["g6.xlarge", "g5.xlarge", "g4dn.xlarge"])
    max_hosts         = optional(number, 4)
    on_demand_base    = optional(number, 0)
    on_demand_percent = optional(number, 0)
    idle_minutes      = optional(number, 15)
  })
  default = null

  validation {
    condition     = var.gpu == null || try(length(var.gpu.subnet_ids) > 0 && length(var.gpu.instance_types) > 0, false)
    error_message = "GPU hosts need a subnet and a type."
  }
  validation {
    condition     = var.gpu == null || can(regex("^/[A-Za-z0-9_./-]+$", var.gpu.ami_parameter))
    error_message = "The name of a parameter looks like /aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id."
  }
  validation {
    condition     = var.gpu == null || try(var.gpu.max_hosts >= 1 && var.gpu.on_demand_base <= var.gpu.max_hosts, false)
    error_message = "max_hosts is at least 1, and on_demand_base at most max_hosts."
  }
  validation {
    condition     = var.gpu == null || try(var.gpu.on_demand_percent >= 0 && var.gpu.on_demand_percent <= 100, false)
    error_message = "on_demand_percent is 0 to 100."
  }
  validation {
    condition     = var.gpu == null || try(var.gpu.idle_minutes >= 2 && var.gpu.idle_minutes <= 1440, false)
    error_message = "idle_minutes is 2 to 1440: SQS's metrics are two minutes late, and an alarm covers a day at most."
  }
}

variable "rollout" {
  description = "CodeDeploy's deployment configuration for new versions of functions, e.g. CodeDeployDefault.LambdaCanary10Percent5Minutes: rollout.sh shifts them, and an alarm meanwhile rolls back. With null an apply makes them live."
  type        = string
  default     = null

  validation {
    condition     = var.rollout == null || !startswith(coalesce(var.rollout, "-"), "CodeDeployDefault.") || can(regex("^CodeDeployDefault\\.Lambda(AllAtOnce|Canary10Percent(5|10|15|30)Minutes|Linear10PercentEvery(1|2|3|10)Minutes?)$", var.rollout))
    error_message = "CodeDeploy has LambdaAllAtOnce, LambdaCanary10Percent{5,10,15,30}Minutes and LambdaLinear10PercentEvery{1,2,3,10}Minute(s), or a custom configuration."
  }
}
