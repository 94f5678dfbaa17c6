variable "stage" {
  description = "Name of the stage in the topology."
  type        = string
}

variable "spec" {
  description = "Entry of the stage in the topology."
  type = object({
    timeout_s = number
    memory_mb = number
  })
}

variable "prefix" {
  description = "Prefix of every name of the installation."
  type        = string
}

variable "patterns" {
  description = "Patterns (JSON) of its events: an upload created or replayed from the archive, and a request to run it again."
  type = object({
    created   = string
    replayed  = string
    reprocess = string
  })
}

variable "bus" {
  description = "Name of the bus of the requests."
  type        = string
}

variable "queues" {
  description = "Delivery settings of the topology."
  type = object({
    max_receive_count      = number
    visibility_per_timeout = number
    retention_s            = number
    max_message_bytes      = number
  })
}

variable "oldest_message_s" {
  description = "Age in seconds of the queue's oldest upload above which the alarm starts."
  type        = number
}

variable "worker_timeout_s" {
  description = "Longest run of a stage on a GPU host in seconds; on Lambda `spec` has the limit."
  type        = number

  validation {
    condition     = var.worker_timeout_s < 12 * 3600
    error_message = "VIDEODROP_WORKER_TIMEOUT_S must be less than 12 hours, SQS's maximum visibility timeout."
  }
}

variable "compute" {
  description = "Host of the stage: the root module's `compute`, with an image and both concurrencies."
  type = object({
    host                    = optional(string, "lambda")
    image                   = string
    architecture            = optional(string, "x86_64")
    memory_mb               = optional(number)
    live_concurrency        = number
    replay_concurrency      = number
    provisioned_concurrency = optional(number, 0)
    warm_up                 = optional(string)
  })

  validation {
    condition     = var.compute.image != null
    error_message = "The image for ${var.stage} is missing: push one and set it in `images`."
  }
}

variable "data" {
  description = "Data of the stage: ARNs of uploads (those under a prefix), artifacts, table and bus, and the prefix of queues' ARNs."
  type = object({
    uploads_bucket   = string
    uploads_prefix   = string
    artifacts_bucket = string
    table            = string
    sqs              = string
    bus              = string
  })
}

variable "common" {
  description = "Settings of all functions of an installation; see modules/function."
  type = object({
    local           = bool
    region          = string
    settings        = map(string)
    log_days        = number
    alarm_topic     = string
    failure_percent = number
    tracing         = optional(string, "Active")

    permissions_boundary = optional(string)
    vpc = optional(object({
      subnet_ids         = list(string)
      security_group_ids = list(string)
    }))
    statements = optional(list(object({
      Effect    = optional(string, "Allow")
      Action    = list(string)
      Resource  = list(string)
      Condition = optional(map(map(list(string))))
    })), [])
    rollout = optional(object({
      app      = string
      role_arn = string
      config   = string
    }))
  })
}
