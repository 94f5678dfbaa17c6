# Buckets, and how long what is in them is kept.

variable "uploads_bucket" {
  description = "Name of the uploads bucket if not <name>-uploads-<account>-<region>."
  type        = string
  default     = null
}

variable "artifacts_bucket" {
  description = "Name of the artifacts bucket if not <name>-artifacts-<account>-<region>."
  type        = string
  default     = null
}

variable "web_origins" {
  description = "Origins, e.g. https://videos.example.com, whose pages may upload by presigned POST and play artifacts, besides the API's own."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.web_origins : can(regex("^https?://[^/*]+$", origin))])
    error_message = "An origin is a scheme and a host, with no path and no wildcard."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the table, and buckets that hold anything. Set to false and apply before a destroy."
  type        = bool
  default     = true
}

variable "old_uploads_days" {
  description = "Days for which a replaced or deleted upload can be restored."
  type        = number
  default     = 30

  validation {
    condition     = var.old_uploads_days >= 1
    error_message = "At least one day."
  }
}

variable "archive_days" {
  description = "Days for which EventBridge can send uploads' events again; 0 is for ever."
  type        = number
  default     = 0

  validation {
    condition     = var.archive_days >= 0
    error_message = "0 or more days."
  }
}
