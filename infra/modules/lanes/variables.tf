variable "dead_letters" {
  description = "Name of the queue of those messages that were delivered in vain too often."
  type        = string
}

variable "lanes" {
  description = "By queue name: the rules that feed it by their names, each with bus and pattern (JSON), none where only roles may send, and the age of its oldest message to sound the alarm at, if any."
  type = map(object({
    alarm_age_s = optional(number)
    feeds = map(object({
      bus     = optional(string, "default")
      pattern = string
    }))
  }))
}

variable "timeout_s" {
  description = "Of the function that takes the messages."
  type        = number
}

variable "queues" {
  description = "Rules of delivery, from the topology."
  type = object({
    max_receive_count      = number
    visibility_per_timeout = number
    retention_s            = number
    max_message_bytes      = number
  })

  validation {
    condition     = var.queues.visibility_per_timeout >= 6
    error_message = "Lambda asks for a visibility timeout of at least six function timeouts."
  }
}

variable "arn_prefix" {
  description = "Of queues here: arn:aws:sqs:REGION:ACCOUNT."
  type        = string
}

variable "alarm_topic" {
  description = "ARN of the topic that alarms go to."
  type        = string
}
