variable "name" {
  description = "Prefix of every name in AWS; VIDEODROP_NAME of those who talk to this installation."
  type        = string
  default     = "videodrop"

  validation {
    # The longest name, of a role, has 64 characters at most.
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "A name has 3 to 32 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "The AWS region of everything but CloudFront, which is global."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like eu-central-1."
  }
}

variable "local" {
  description = "Apply to a simulator instead of AWS: leaves out what moto cannot hold, which README.md lists."
  type        = bool
  default     = false
}

# -- code ------------------------------------------------------------------------------------------

variable "images" {
  description = "Container images of the stages, pinned by digest: for Lambda, and for GPU hosts where a stage runs there. README.md says how to push them first."
  type = object({
    lambda = optional(string)
    gpu    = optional(string)
  })
  default = {}

  validation {
    condition = alltrue([
      for image in values(var.images) : image == null || can(regex("@sha256:[0-9a-f]{64}$", image))
    ])
    error_message = "Pin images by digest: REPOSITORY@sha256:… with 64 hexadecimal digits."
  }
}

variable "functions" {
  description = "The code of query, janitor and replays: a zip that README.md says how to make, and what it was made for."
  type = object({
    zip          = string
    runtime      = optional(string, "python3.13")
    architecture = optional(string, "arm64")
  })

  validation {
    condition     = fileexists(var.functions.zip)
    error_message = "There is no file ${var.functions.zip}. README.md says how to make it."
  }
  validation {
    condition     = can(regex("^python3\\.(1[2-9])$", var.functions.runtime))
    error_message = "SnapStart needs python3.12 or newer."
  }
  validation {
    condition     = contains(["arm64", "x86_64"], var.functions.architecture)
    error_message = "Lambda has arm64 and x86_64."
  }
}

variable "settings" {
  description = "Further variables of every function, e.g. VIDEODROP_MAX_DURATION_S or VIDEODROP_PARAMS__TRANSCRIBE__MODEL."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.settings) : startswith(key, "VIDEODROP_")])
    error_message = "Settings begin with VIDEODROP_."
  }
}

# -- compute ---------------------------------------------------------------------------------------

variable "compute" {
  description = <<-EOT
    Where each stage runs, by its name; a stage that is not named runs on Lambda.

    * host: `lambda`, or `gpu` for an ECS service on GPU hosts.
    * image, architecture: for Lambda, if other than `images.lambda` on x86_64.
    * live_concurrency, replay_concurrency: most executions at once for fresh uploads and for
      replays; on GPU hosts both lanes share `gpu.max_hosts`.
    * provisioned_concurrency: executions kept initialised, which cost while they wait.
    * warm_up: a schedule, e.g. `rate(5 minutes)`, by which one execution loads its model.
  EOT
  type = map(object({
    host                    = optional(string, "lambda")
    image                   = optional(string)
    architecture            = optional(string, "x86_64")
    live_concurrency        = optional(number, 250)
    replay_concurrency      = optional(number, 50)
    provisioned_concurrency = optional(number, 0)
    warm_up                 = optional(string)
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
      one.host == "lambda" || (one.provisioned_concurrency == 0 && one.warm_up == null)
    ])
    error_message = "A GPU host is warm while it runs: provisioned_concurrency and warm_up are Lambda's."
  }
  validation {
    condition     = var.gpu != null || alltrue([for one in values(var.compute) : one.host != "gpu"])
    error_message = "A stage runs on GPU hosts: say in `gpu` in which subnets."
  }
}

variable "gpu" {
  description = <<-EOT
    GPU hosts, for stages whose `compute` says so.

    * subnet_ids: of one VPC, with a way to AWS and to the images: public, or behind NAT or endpoints.
    * instance_types: of one GPU each, in order of preference.
    * max_hosts: at most so many a stage.
    * on_demand_base, on_demand_percent: so many hosts, and of those beyond them so many in a
      hundred, are On-Demand; the others are Spot.
    * idle_minutes: without work after which a stage has no host any more.
  EOT
  type = object({
    subnet_ids        = list(string)
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
    condition     = var.gpu == null || try(var.gpu.max_hosts >= 1 && var.gpu.on_demand_base <= var.gpu.max_hosts, false)
    error_message = "max_hosts is 1 or more, and on_demand_base no more than that."
  }
  validation {
    condition     = var.gpu == null || try(var.gpu.on_demand_percent >= 0 && var.gpu.on_demand_percent <= 100, false)
    error_message = "on_demand_percent is 0 to 100."
  }
  validation {
    condition     = var.gpu == null || try(var.gpu.idle_minutes >= 2, false)
    error_message = "idle_minutes is 2 or more: SQS's metrics are that old."
  }
}

# -- data ------------------------------------------------------------------------------------------

variable "uploads_bucket" {
  description = "Name of the uploads bucket if not <name>-uploads: the names of buckets are the whole world's."
  type        = string
  default     = null
}

variable "artifacts_bucket" {
  description = "Name of the artifacts bucket if not <name>-artifacts."
  type        = string
  default     = null
}

variable "web_origins" {
  description = "Origins, e.g. https://videos.example.com, whose pages may upload by presigned POST and play artifacts, besides the API's own."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.web_origins : can(regex("^https?://[^/*]+$", origin))])
    error_message = "An origin is a scheme and a host, with no path and no wildcard."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the table, and buckets that hold anything. Set to false and apply before a destroy."
  type        = bool
  default     = true
}

variable "old_uploads_days" {
  description = "Days for which a replaced or deleted upload can be restored."
  type        = number
  default     = 30

  validation {
    condition     = var.old_uploads_days >= 1
    error_message = "At least one day."
  }
}

variable "archive_days" {
  description = "Days for which EventBridge can send uploads' events again; 0 is for ever."
  type        = number
  default     = 0

  validation {
    condition     = var.archive_days >= 0
    error_message = "0 or more days."
  }
}

# -- access ----------------------------------------------------------------------------------------

variable "jwt" {
  description = "Who may use the API: tokens of this issuer, for one of these audiences. With null the API and its page are open to everyone who knows their address."
  type = object({
    issuer   = string
    audience = list(string)
  })
  default = null

  validation {
    condition     = var.jwt == null || try(startswith(var.jwt.issuer, "https://") && length(var.jwt.audience) > 0, false)
    error_message = "The issuer is an https address, and there is at least one audience."
  }
}

variable "throttle" {
  description = "Requests a second that the API takes from all its clients together, and how many at once beyond that."
  type = object({
    rate  = optional(number, 50)
    burst = optional(number, 100)
  })
  default = {}
}

variable "cdn" {
  description = <<-EOT
    CloudFront before the API, its page and the artifacts; none with null, and then the API's
    presigned S3 addresses are the only way to artifacts.

    * public_key: PEM of the RSA or ECDSA key by which addresses or cookies for artifacts are signed.
    * price_class: which edges serve.
  EOT
  type = object({
    public_key  = string
    price_class = optional(string, "PriceClass_100")
  })
  default = null

  validation {
    condition     = var.cdn == null || can(regex("^-----BEGIN PUBLIC KEY-----", var.cdn.public_key))
    error_message = "The public key is in PEM, as `openssl rsa -pubout` writes it."
  }
  validation {
    condition     = var.cdn == null || can(regex("^PriceClass_(100|200|All)$", var.cdn.price_class))
    error_message = "CloudFront has PriceClass_100, PriceClass_200 and PriceClass_All."
  }
}

# -- watching --------------------------------------------------------------------------------------

variable "alarm_email" {
  description = "Who hears of alarms, after confirming by mail; others subscribe to the topic in the outputs."
  type        = string
  default     = null
}

variable "oldest_message_s" {
  description = "Age of the oldest fresh upload in a queue at which to sound the alarm."
  type        = number
  default     = 1800

  validation {
    condition     = var.oldest_message_s >= 60
    error_message = "Metrics are a minute apart."
  }
}

variable "budget_usd" {
  description = "Expected cost of a month; the alarm sounds when 80 % are spent and when more is forecast. None with null."
  type        = number
  default     = null

  validation {
    condition     = var.budget_usd == null || try(var.budget_usd > 0, false)
    error_message = "More than 0."
  }
}

variable "log_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_days)
    error_message = "CloudWatch has 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 and 731 days."
  }
}
