# Name and region of the installation.

variable "name" {
  description = "Prefix of every name in AWS; VIDEODROP_NAME of clients. Unique in an account across regions, because roles have no region."
  type        = string
  default     = "videodrop"

  validation {
    # The longest name, of a role, has 64 characters at most.
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "A name has 3 to 32 characters of a-z, 0-9 and hyphen, the first one of a-z."
  }
  validation {
    condition     = !can(regex("^(aws|ecs|fargate)", var.name))
    error_message = "A name must not begin with aws, ecs or fargate: ECS reserves these."
  }
}

variable "region" {
  description = "The AWS region of all resources except CloudFront, which is global."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like eu-central-1."
  }
}

variable "local" {
  description = "Apply to a simulator instead of AWS, without the resources that moto does not support; see README.md."
  type        = bool
  default     = false
}
