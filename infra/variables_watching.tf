# Alarms, budget and logs.

variable "dashboard" {
  description = "Create the dashboard. The first three of an account are free."
  type        = bool
  default     = false
}

variable "alarm_email" {
  description = "Email address for alarms, after a confirmation; others subscribe to the topic in the outputs."
  type        = string
  default     = null
}

variable "oldest_message_s" {
  description = "Age in seconds of a queue's oldest upload above which the alarm starts."
  type        = number
  default     = 1800

  validation {
    condition     = var.oldest_message_s >= 60
    error_message = "Must be at least 60: metrics have a period of a minute."
  }
}

variable "failure_percent" {
  description = "Percentage of failed invocations, or of a stage's failed runs, above which the alarm starts."
  type        = number
  default     = 5

  validation {
    condition     = var.failure_percent >= 0 && var.failure_percent < 100
    error_message = "failure_percent is 0 to 99."
  }
}

variable "budget_usd" {
  description = "Expected cost per month; the alarm starts when 80 % is spent and when the forecast exceeds it. With null there is none."
  type        = number
  default     = null

  validation {
    condition     = var.budget_usd == null || try(var.budget_usd > 0, false)
    error_message = "Must be more than 0."
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
  description = "Retention of logs in days."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_days)
    error_message = "CloudWatch has 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 and 731 days."
  }
}
