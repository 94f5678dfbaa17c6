# What is watched, and who hears of it.

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

variable "failure_percent" {
  description = "So many of a hundred invocations, or of a hundred runs of a stage, may fail before the alarm sounds."
  type        = number
  default     = 5

  validation {
    condition     = var.failure_percent >= 0 && var.failure_percent < 100
    error_message = "failure_percent is 0 to 99."
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

variable "tracing" {
  description = "Lambda's own segments in X-Ray: Active, or PassThrough for none unless the sender is traced."
  type        = string
  default     = "Active"

  validation {
    condition     = contains(["Active", "PassThrough"], var.tracing)
    error_message = "Lambda has Active and PassThrough."
  }
}

variable "otlp_endpoint" {
  description = "The OpenTelemetry collector that functions and workers send spans to by OTLP over HTTP, e.g. http://collector:4318. None are sent without it."
  type        = string
  default     = ""

  validation {
    condition     = var.otlp_endpoint == "" || can(regex("^https?://[^/]+", var.otlp_endpoint))
    error_message = "An address such as http://collector:4318."
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
