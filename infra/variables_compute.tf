# Where stages run.

variable "compute" {
  description = <<-EOT
    Where each stage runs, by its name; a stage that is not named runs on Lambda.

    * host: `lambda`, or `gpu` for an ECS service on GPU hosts.
    * image, architecture: for Lambda, if other than `images.lambda` on x86_64.
    * memory_mb: of the function, if other than the topology's; new accounts have 3008 at most.
    * live_concurrency, replay_concurrency: most executions at once for fresh uploads and for
      replays; on GPU hosts both lanes share `gpu.max_hosts`.
    * provisioned_concurrency: executions kept initialised, which cost while they wait.
    * warm_up: a schedule, e.g. `rate(5 minutes)`, by which one execution loads its model.
    * oversize: jobs that outgrow the stage's deadline, or Lambda's disk, are sent on to workers on
      GPU hosts, which are there while there are such jobs.
  EOT
  type = map(object({
    host                    = optional(string, "lambda")
    image                   = optional(string)
    architecture            = optional(string, "x86_64")
    memory_mb               = optional(number)
    live_concurrency        = optional(number, 250)
    replay_concurrency      = optional(number, 50)
    provisioned_concurrency = optional(number, 0)
    warm_up                 = optional(string)
    oversize                = optional(bool, false)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.compute), keys(local.topology.stages))) == 0
    error_message = "There is no such stage; topology.json has ${join(", ", keys(local.topology.stages))}."
  }
  validation {
    condition     = alltrue([for one in values(var.compute) : contains(["lambda", "gpu"], one.host)])
    error_message = "A stage runs on lambda or gpu."
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
        for number in [one.live_concurrency, one.replay_concurrency] : number >= 2 && number <= 1000
      ]
    ]))
    error_message = "Lambda's event source mappings take a maximum concurrency of 2 to 1000."
  }
  validation {
    condition = alltrue([
      for one in values(var.compute) : one.provisioned_concurrency >= 0 && one.provisioned_concurrency <= one.live_concurrency
    ])
    error_message = "Provisioned concurrency beyond live_concurrency is never used."
  }
  validation {
    condition = alltrue([
      for one in values(var.compute) :
      one.host == "lambda" || (one.memory_mb == null && one.provisioned_concurrency == 0 && one.warm_up == null)
    ])
    error_message = "memory_mb, provisioned_concurrency and warm_up are Lambda's: a GPU host is warm while it runs."
  }
  validation {
    condition     = var.gpu != null || alltrue([for one in values(var.compute) : one.host != "gpu" && !one.oversize])
    error_message = "A stage runs on GPU hosts, or leaves large jobs to them: say in `gpu` in which subnets."
  }
}

variable "gpu" {
  description = <<-EOT
    GPU hosts, for stages whose `compute` says so.

    * subnet_ids: of one VPC, with a way to AWS and to the images: public, and giving hosts addresses
      by themselves, or behind NAT or endpoints.
    * ami_parameter: the SSM parameter that names the hosts' image, an ECS-optimised one with NVIDIA's
      driver whose first disk is /dev/xvda; by default AWS's pointer to its newest. Hosts that start
      after it changed have the new one.
    * instance_types: of one GPU each, in order of preference.
    * max_hosts: at most so many a stage.
    * on_demand_base, on_demand_percent: so many hosts, and of those beyond them so many in a
      hundred, are On-Demand; the others are Spot.
    * idle_minutes: without work after which a stage has no host any more.
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
    error_message = "max_hosts is 1 or more, and on_demand_base no more than that."
  }
  validation {
    condition     = var.gpu == null || try(var.gpu.on_demand_percent >= 0 && var.gpu.on_demand_percent <= 100, false)
    error_message = "on_demand_percent is 0 to 100."
  }
  validation {
    condition     = var.gpu == null || try(var.gpu.idle_minutes >= 2 && var.gpu.idle_minutes <= 1440, false)
    error_message = "idle_minutes is 2 to 1440: SQS's metrics are that old, and an alarm looks back a day at most."
  }
}

variable "rollout" {
  description = "How CodeDeploy shifts functions to a new version: a deployment configuration for Lambda, e.g. CodeDeployDefault.LambdaCanary10Percent5Minutes. An alarm meanwhile shifts back."
  type        = string
  default     = "CodeDeployDefault.LambdaAllAtOnce"

  validation {
    condition     = !startswith(var.rollout, "CodeDeployDefault.") || can(regex("^CodeDeployDefault\\.Lambda(AllAtOnce|Canary10Percent(5|10|15|30)Minutes|Linear10PercentEvery(1|2|3|10)Minutes?)$", var.rollout))
    error_message = "CodeDeploy has LambdaAllAtOnce, LambdaCanary10Percent{5,10,15,30}Minutes and LambdaLinear10PercentEvery{1,2,3,10}Minute(s), or a configuration of your own."
  }
}
