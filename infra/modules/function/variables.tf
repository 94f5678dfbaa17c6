variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string
}

variable "description" {
  description = "Description of the function."
  type        = string
}

variable "handler" {
  description = "Dotted name of the callable."
  type        = string
}

variable "image" {
  description = "Container image, pinned by digest; null for a zip."
  type        = string
  default     = null
}

variable "zip" {
  description = "Path and runtime of a zip; null for an image."
  type = object({
    path    = string
    runtime = string
  })
  default = null

  validation {
    condition     = (var.zip == null) != (var.image == null)
    error_message = "Set either an image or a zip."
  }
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "timeout_s" {
  description = "Timeout in seconds."
  type        = number

  validation {
    condition     = var.timeout_s <= 900
    error_message = "Lambda's limit is 15 minutes."
  }
}

variable "memory_mb" {
  description = "Memory in MB; CPU is proportional, with one vCPU at 1769."
  type        = number

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "Lambda has 128 to 10240 MB."
  }
}

variable "scratch_mb" {
  description = "Size of /tmp."
  type        = number
  default     = 512

  validation {
    condition     = !var.snap_start || var.scratch_mb == 512
    error_message = "With SnapStart /tmp has at most 512 MB."
  }
}

variable "environment" {
  description = "Environment variables besides `common.settings`."
  type        = map(string)
  default     = {}
}

variable "statements" {
  description = "Permissions besides logging, tracing and receiving its queues' messages."
  type = list(object({
    Effect    = optional(string, "Allow")
    Action    = list(string)
    Resource  = list(string)
    Condition = optional(map(map(list(string))))
  }))
}

variable "queues" {
  description = "Queues whose messages it receives, one at a time, with the maximum concurrency of each."
  type = map(object({
    arn                 = string
    maximum_concurrency = number
  }))
  default = {}
}

variable "provisioned_concurrency" {
  description = "Executions kept initialised."
  type        = number
  default     = 0

  validation {
    condition     = var.provisioned_concurrency == 0 || !var.snap_start
    error_message = "Provisioned concurrency and SnapStart exclude each other."
  }
}

variable "snap_start" {
  description = "Start from a snapshot of the initialised function."
  type        = bool
  default     = false

  validation {
    condition     = !var.snap_start || var.zip != null
    error_message = "SnapStart is for zips: images do not support it."
  }
}

variable "reserved_concurrency" {
  description = "Executions at once that are kept for it, and its limit; -1 for none."
  type        = number
  default     = -1
}

variable "rollback_alarms" {
  description = "Names of more alarms that roll a new version back."
  type        = list(string)
  default     = []
}

variable "common" {
  description = "Settings of all functions of an installation; `tracing`: Lambda's tracing mode; `statements`: more permissions of each role; `rollout`: the CodeDeploy application, its role and its deployment configuration, or null where Terraform moves the alias."
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
