# Hosts of the stages.

variable "compute" {
  description = <<-EOT
    The host of each stage, by its name; the default is Lambda.

    * host: `lambda`, or `gpu` for the pool of GPU hosts.
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
      one.host == "lambda" || (one.image == null && one.memory_mb == null && one.provisioned_concurrency == 0 && one.warm_up == null)
    ])
    error_message = "image, memory_mb, provisioned_concurrency and warm_up are for Lambda only: a GPU host has images.gpu and is warm while it runs."
  }
  validation {
    condition     = var.gpu != null || alltrue([for one in values(var.compute) : one.host != "gpu"])
    error_message = "A stage runs on GPU hosts: set their subnets in `gpu`."
  }
}

variable "gpu" {
  description = <<-EOT
    The pool of GPU hosts, for stages with such a `compute`.

    * subnet_ids: of one VPC, with access to AWS and to the images: public with automatic addresses,
      or with NAT or endpoints.
    * instance_types: of one GPU and four vCPUs or more each.
    * memory_mb: of a worker; less than the smallest type has, of which the system needs a part.
    * max_hosts: maximum, of all stages together.
    * spot: Spot hosts, which AWS may reclaim; On-Demand if false.
    * idle_s: seconds without messages after which a worker ends. Batch ends its host minutes later.
    * gather_minutes: by lane, minutes for which a few messages are gathered before they start a
      host; 15 start one at once. More minutes cost less, and let single videos wait.
    * ami_id: an ECS-optimised image with NVIDIA's driver whose first disk is /dev/xvda; by default
      AWS's latest at the time of the apply.
  EOT
  type = object({
    subnet_ids     = list(string)
    instance_types = optional(list(string), ["g6.xlarge", "g5.xlarge", "g4dn.xlarge"])
    memory_mb      = optional(number, 14000)
    max_hosts      = optional(number, 4)
    spot           = optional(bool, true)
    idle_s         = optional(number, 30)
    gather_minutes = optional(object({
      live   = optional(number, 0)
      replay = optional(number, 0)
    }), {})
    ami_id = optional(string)
  })
  default = null

  validation {
    condition     = var.gpu == null || try(length(var.gpu.subnet_ids) > 0 && length(var.gpu.instance_types) > 0, false)
    error_message = "GPU hosts need a subnet and a type."
  }
  validation {
    condition     = try(var.gpu.ami_id, null) == null || can(regex("^ami-[0-9a-f]+$", var.gpu.ami_id))
    error_message = "An image of EC2 looks like ami-0123456789abcdef0."
  }
  validation {
    condition     = var.gpu == null || try(var.gpu.max_hosts >= 1, false)
    error_message = "max_hosts is at least 1."
  }
  validation {
    condition     = var.gpu == null || try(var.gpu.idle_s >= 5 && var.gpu.idle_s <= 86400, false)
    error_message = "idle_s is 5 to 86400: a worker looks at each queue every few seconds."
  }
  validation {
    condition     = var.gpu == null || try(alltrue([for minutes in values(var.gpu.gather_minutes) : minutes >= 0 && minutes <= 1440]), false)
    error_message = "gather_minutes is 0 to 1440."
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
