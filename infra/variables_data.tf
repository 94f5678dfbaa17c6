# Buckets and retention.

variable "uploads_bucket" {
  description = "Name of the uploads bucket; by default <name>-uploads-<account>-<region>."
  type        = string
  default     = null
}

variable "existing_uploads_bucket" {
  description = "uploads_bucket exists and stays yours: Terraform changes nothing of it. It needs versions, and to send its events to EventBridge; see docs/how-to/deploy.md."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.existing_uploads_bucket || var.uploads_bucket != null
    error_message = "Name the bucket that exists in uploads_bucket."
  }
}

variable "artifacts_bucket" {
  description = "Name of the artifacts bucket; by default <name>-artifacts-<account>-<region>."
  type        = string
  default     = null
}

variable "web_origins" {
  description = "Origins besides the API's, e.g. https://videos.example.com, whose pages may use the API, upload by presigned requests and play artifacts."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.web_origins : can(regex("^https?://[^/*]+$", origin))])
    error_message = "An origin is a scheme and a host, without path and wildcard."
  }
}

variable "deletion_protection" {
  description = "Prevent deletion of the table and of buckets that are not empty. Set to false and apply before a destroy."
  type        = bool
  default     = true
}

variable "old_uploads_days" {
  description = "Days in which a replaced or deleted upload can be restored."
  type        = number
  default     = 30

  validation {
    condition     = var.old_uploads_days >= 1
    error_message = "Must be at least one day."
  }
}

variable "archive_days" {
  description = "Days in which EventBridge can replay uploads' events; 0 is unlimited."
  type        = number
  default     = 0

  validation {
    condition     = var.archive_days >= 0
    error_message = "Must be 0 or more days."
  }
}
