variable "name" {
  description = "Of the schedule and its role."
  type        = string
}

variable "description" {
  description = "What it is for."
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
  description = "The event, JSON."
  type        = string
}
