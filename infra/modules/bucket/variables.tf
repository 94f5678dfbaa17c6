variable "name" {
  description = "Of the bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket cannot be called ${var.name}: S3 takes 3 to 63 lower-case letters, digits and hyphens. Give the installation a shorter name, or name its buckets by uploads_bucket and artifacts_bucket."
  }
}

variable "local" {
  description = "Leave out what moto cannot hold: the policy."
  type        = bool
}

variable "force_destroy" {
  description = "Delete the bucket even when it holds objects."
  type        = bool
}

variable "versioned" {
  description = "Keep what is replaced or deleted for `old_days`."
  type        = bool
  default     = false
}

variable "old_days" {
  description = "Days for which old versions are kept."
  type        = number
  default     = 30
}

variable "cors" {
  description = "What pages of which origins may do with the bucket."
  type = object({
    methods        = list(string)
    origins        = list(string)
    expose_headers = list(string)
  })
}

variable "statements" {
  description = "What else its policy says."
  type = list(object({
    Sid       = string
    Effect    = string
    Principal = map(string)
    Action    = list(string)
    Resource  = list(string)
    Condition = map(map(list(string)))
  }))
  default = []
}
