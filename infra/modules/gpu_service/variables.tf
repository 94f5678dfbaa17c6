variable "name" {
  description = "Of the service and all that belongs to it."
  type        = string
}

variable "command" {
  description = "What a worker runs."
  type        = list(string)
}

variable "image" {
  description = "Container image, pinned by digest."
  type        = string
}

variable "memory_mb" {
  description = "What a worker needs; it may use what the host has."
  type        = number
}

variable "environment" {
  description = "Variables besides `common.settings`."
  type        = map(string)
}

variable "statements" {
  description = "What a worker may do besides taking its queues' messages."
  type = list(object({
    Effect   = optional(string, "Allow")
    Action   = list(string)
    Resource = list(string)
  }))
}

variable "rollback_alarm" {
  description = "Name of the alarm that takes a new revision back."
  type        = string
}

variable "queues" {
  description = "ARNs, by name, of the queues whose messages it takes."
  type        = map(string)
}

variable "hosts" {
  description = "The root module's `gpu`."
  type = object({
    subnet_ids        = list(string)
    ami_parameter     = string
    instance_types    = list(string)
    max_hosts         = number
    on_demand_base    = number
    on_demand_percent = number
    idle_minutes      = number
  })
}

variable "common" {
  description = "What all functions of an installation share."
  type = object({
    local       = bool
    region      = string
    settings    = map(string)
    log_days    = number
    alarm_topic = string
  })
}

variable "repository_arn" {
  description = "Of the repository that holds the image."
  type        = string
}
