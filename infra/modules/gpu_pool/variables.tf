variable "name" {
  description = "Name of the pool and its resources."
  type        = string
}

variable "image" {
  description = "Container image, pinned by digest."
  type        = string

  validation {
    condition     = var.image != null
    error_message = "The image for GPU hosts is missing: push one and set it in `images`."
  }
}

variable "stages" {
  description = "Names of the stages that its hosts serve."
  type        = list(string)
}

variable "statements" {
  description = "Permissions of a worker besides receiving its queues' messages."
  type = list(object({
    Effect    = optional(string, "Allow")
    Action    = list(string)
    Resource  = list(string)
    Condition = optional(map(map(list(string))))
  }))
}

variable "queues" {
  description = "ARNs of the queues whose messages a worker receives."
  type        = list(string)
}

variable "hosts" {
  description = "The root module's `gpu`."
  type = object({
    subnet_ids     = list(string)
    ami_id         = string
    instance_types = list(string)
    memory_mb      = number
    max_hosts      = number
    spot           = bool
    idle_s         = number
  })
}

variable "worker_timeout_s" {
  description = "Longest run of a stage on a worker."
  type        = number
}

variable "common" {
  description = "Settings of all functions of an installation."
  type = object({
    region               = string
    settings             = map(string)
    log_days             = number
    permissions_boundary = optional(string)
  })
}

variable "repository_arn" {
  description = "ARN of the image's repository."
  type        = string
}
