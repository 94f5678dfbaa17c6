variable "stage" {
  description = "Its name in the topology."
  type        = string
}

variable "spec" {
  description = "Its entry in the topology."
  type = object({
    timeout_s = number
    memory_mb = number
  })
}

variable "prefix" {
  description = "Of every name of the installation."
  type        = string
}

variable "patterns" {
  description = "Events (JSON) that call for it: an upload created or replayed from the archive, and a request to run it again."
  type = object({
    created   = string
    replayed  = string
    reprocess = string
  })
}

variable "bus" {
  description = "Name of the bus that requests come by."
  type        = string
}

variable "queues" {
  description = "Rules of delivery, from the topology."
  type = object({
    max_receive_count      = number
    visibility_per_timeout = number
    retention_s            = number
    max_message_bytes      = number
  })
}

variable "oldest_message_s" {
  description = "Age of the oldest fresh upload in its queue at which to sound the alarm."
  type        = number
}

variable "compute" {
  description = "Where it runs: the root module's `compute`, with an image."
  type = object({
    host                    = optional(string, "lambda")
    image                   = string
    architecture            = optional(string, "x86_64")
    memory_mb               = optional(number)
    live_concurrency        = optional(number, 250)
    replay_concurrency      = optional(number, 50)
    provisioned_concurrency = optional(number, 0)
    warm_up                 = optional(string)
    oversize                = optional(bool, false)
  })

  validation {
    condition     = var.compute.image != null
    error_message = "There is no image for ${var.stage}: push one and name it in `images`."
  }
}

variable "large" {
  description = "Its large jobs: the image of the workers that they are left to, and their deadline."
  type = object({
    image     = string
    timeout_s = number
  })

  validation {
    condition     = var.large.image != null || !var.compute.oversize || var.compute.host == "gpu"
    error_message = "There is no image for workers that take the large jobs of ${var.stage}: push one and name it in `images`."
  }
  validation {
    condition     = var.large.timeout_s < 12 * 3600
    error_message = "A large job takes less than 12 hours: SQS hides its message for no longer."
  }
}

variable "gpu" {
  description = "GPU hosts, if it or its large jobs run there: the root module's `gpu`."
  type = object({
    subnet_ids        = list(string)
    ami_parameter     = string
    instance_types    = list(string)
    max_hosts         = number
    on_demand_base    = number
    on_demand_percent = number
    idle_minutes      = number
  })
  default = null
}

variable "data" {
  description = "What it reads and writes: ARNs of uploads (those under a prefix), artifacts and table, and the prefix of queues' ARNs."
  type = object({
    uploads_bucket   = string
    uploads_prefix   = string
    artifacts_bucket = string
    table            = string
    sqs              = string
  })
}

variable "common" {
  description = "What all functions of an installation share; see modules/function."
  type = object({
    local           = bool
    region          = string
    settings        = map(string)
    log_days        = number
    alarm_topic     = string
    failure_percent = number
    tracing         = optional(string, "Active")
    rollout = optional(object({
      app      = string
      role_arn = string
      config   = string
    }))
  })
}

variable "gpu_repository_arn" {
  description = "Of the repository that holds the image for GPU hosts."
  type        = string
}
