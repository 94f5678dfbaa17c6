variable "name" {
  description = "Name of the service and its resources."
  type        = string
}

variable "image" {
  description = "Container image, pinned by digest."
  type        = string
}

variable "memory_mb" {
  description = "Memory that a worker reserves; it may use all memory of the host."
  type        = number
}

variable "environment" {
  description = "Environment variables besides `common.settings`."
  type        = map(string)
}

variable "statements" {
  description = "Permissions of a worker besides receiving its queues' messages."
  type = list(object({
    Effect    = optional(string, "Allow")
    Action    = list(string)
    Resource  = list(string)
    Condition = optional(map(map(list(string))))
  }))
}

variable "rollback_alarm" {
  description = "Name of the alarm that rolls a new revision back."
  type        = string
}

variable "queues" {
  description = "ARNs, by name, of the queues whose messages it receives."
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
  description = "Settings of all functions of an installation."
  type = object({
    local       = bool
    region      = string
    settings    = map(string)
    log_days    = number
    alarm_topic = string
  })
}

variable "repository_arn" {
  description = "ARN of the image's repository."
  type        = string
}
