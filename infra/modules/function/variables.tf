variable "name" {
  description = "Of the function, its role and its log group."
  type        = string
}

variable "description" {
  description = "What it does."
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
  description = "Path and runtime of a zip; null for an image. SnapStart is on: zips have it, images have not."
  type = object({
    path    = string
    runtime = string
  })
  default = null

  validation {
    condition     = (var.zip == null) != (var.image == null)
    error_message = "A function is an image or a zip."
  }
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "timeout_s" {
  description = "Its deadline."
  type        = number

  validation {
    condition     = var.timeout_s <= 900
    error_message = "Lambda ends after 15 minutes."
  }
}

variable "memory_mb" {
  description = "Its memory, with which its share of CPU grows: a whole one at 1769."
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
    condition     = var.zip == null || var.scratch_mb == 512
    error_message = "SnapStart takes no larger /tmp than 512 MB."
  }
}

variable "environment" {
  description = "Variables besides `common.settings`."
  type        = map(string)
  default     = {}
}

variable "statements" {
  description = "What its role may do besides logging, tracing and taking its queues' messages."
  type = list(object({
    Effect    = optional(string, "Allow")
    Action    = list(string)
    Resource  = list(string)
    Condition = optional(map(map(list(string))))
  }))
}

variable "queues" {
  description = "Queues whose messages it takes, one at a time, and how many executions at once each may have."
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
    condition     = var.provisioned_concurrency == 0 || var.zip == null
    error_message = "Provisioned concurrency and SnapStart exclude each other."
  }
}

variable "rollback_alarms" {
  description = "Names of alarms, besides its own of failed invocations, that take a new version back."
  type        = list(string)
  default     = []
}

variable "common" {
  description = "What all functions of an installation share; `tracing`: Lambda's mode of it; `rollout`: the CodeDeploy application, its role and how it shifts aliases, null where there is none."
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
