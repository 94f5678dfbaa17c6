variable "dead_letters" {
  description = "Name of the dead-letter queue."
  type        = string
}

variable "lanes" {
  description = "By queue name: its rules by name, each with bus and pattern (JSON); and the age of its oldest message for the alarm, if any."
  type = map(object({
    alarm_age_s = optional(number)
    feeds = map(object({
      bus     = optional(string, "default")
      pattern = string
    }))
  }))
}

variable "timeout_s" {
  description = "Timeout of the function that receives the messages."
  type        = number
}

variable "queues" {
  description = "Delivery settings of the topology."
  type = object({
    max_receive_count      = number
    visibility_per_timeout = number
    retention_s            = number
    max_message_bytes      = number
  })

  validation {
    condition     = var.queues.visibility_per_timeout >= 6
    error_message = "Lambda recommends a visibility timeout of at least six function timeouts."
  }
}

variable "arn_prefix" {
  description = "Prefix of the queues' ARNs: arn:aws:sqs:REGION:ACCOUNT."
  type        = string
}

variable "alarm_topic" {
  description = "ARN of the alarms' topic."
  type        = string
}
