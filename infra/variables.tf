# Whose installation it is, and where.

variable "name" {
  description = "Prefix of every name in AWS; VIDEODROP_NAME of those who talk to this installation. One of a kind in an account, in all its regions: roles have no region."
  type        = string
  default     = "videodrop"

  validation {
    # The longest name, of a role, has 64 characters at most.
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "A name has 3 to 32 lower-case letters, digits and hyphens, and begins with a letter."
  }
  validation {
    condition     = !can(regex("^(aws|ecs|fargate)", var.name))
    error_message = "A name does not begin with aws, ecs or fargate: ECS keeps these to itself."
  }
}

variable "region" {
  description = "The AWS region of everything but CloudFront, which is global."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like eu-central-1."
  }
}

variable "local" {
  description = "Apply to a simulator instead of AWS: leaves out what moto cannot hold, which README.md lists."
  type        = bool
  default     = false
}
