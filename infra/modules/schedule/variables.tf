variable "name" {
  description = "Name of the schedule and its role."
  type        = string
}

variable "description" {
  description = "Description of the schedule."
  type        = string
}

variable "expression" {
  description = "rate(…) or cron(…)."
  type        = string
}

variable "function_arn" {
  description = "The function, or its alias."
  type        = string
}

variable "input" {
  description = "The event (JSON)."
  type        = string
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds its role, if any."
  type        = string
  default     = null
}
