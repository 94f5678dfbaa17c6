# What an account's rules ask for: quotas, tags, a key, a permissions boundary, a VPC.

variable "concurrency" {
  description = <<-EOT
    Lambda's executions at once.

    * quota: how many this installation may plan with; by default the account's in this region. Set it
      where other applications share the account.
    * reserve: executions for the API, and for the functions that are not stages, so that uploads and
      replays never take all. Lambda lets nothing be reserved in an account of few executions: there a
      plan is rejected unless this is false.
  EOT
  type = object({
    quota   = optional(number)
    reserve = optional(bool, true)
  })
  default = {}

  validation {
    condition     = var.concurrency.quota == null || try(var.concurrency.quota >= 10, false)
    error_message = "An account has at least 10 executions at once."
  }
}

variable "tags" {
  description = "Tags of all resources, besides Project, the name of the installation."
  type        = map(string)
  default     = {}

  validation {
    condition     = !contains(keys(var.tags), "Project") && length(var.tags) <= 40
    error_message = "At most 40 tags; Project is the installation's name, by which the budget counts."
  }
}

variable "kms_key_arn" {
  description = "Your KMS key for the buckets and the table, whose policy lets IAM decide; with null S3 and DynamoDB use their own. Set it before the first upload: objects keep the key they were written with."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:${var.region}:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "A key of ${var.region} looks like arn:aws:kms:${var.region}:123456789012:key/…; an alias does not do."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds every role, for accounts that require one."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::(aws|[0-9]{12}):policy/", var.permissions_boundary))
    error_message = "A policy's ARN looks like arn:aws:iam::123456789012:policy/boundary."
  }
}

variable "vpc" {
  description = "Subnets and security groups of all functions, with ways to AWS by NAT or endpoints, and to the receivers of webhooks; with null functions run in Lambda's own network."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, false)
    error_message = "A VPC needs a subnet and a security group."
  }
}
