variable "name" {
  description = "Name of the bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "${var.name} is not a valid bucket name: S3 accepts 3 to 63 characters of a-z, 0-9 and hyphen. Shorten the installation's name, or set uploads_bucket and artifacts_bucket."
  }
}

variable "local" {
  description = "Omit the policy, which moto does not support."
  type        = bool
}

variable "force_destroy" {
  description = "Delete the bucket even if it is not empty."
  type        = bool
}

variable "versioned" {
  description = "Keep replaced and deleted objects for `old_days`."
  type        = bool
  default     = false
}

variable "old_days" {
  description = "Retention of old versions in days."
  type        = number
  default     = 30
}

variable "cors" {
  description = "CORS rules: origins and their permissions."
  type = object({
    methods        = list(string)
    origins        = list(string)
    expose_headers = list(string)
  })
}

variable "statements" {
  description = "More statements of the bucket's policy."
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

variable "kms_key_arn" {
  description = "KMS key of the objects; null for S3's own."
  type        = string
  default     = null
}
