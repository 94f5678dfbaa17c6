# The whole installation with the least variables: every stage on Lambda, the API closed to all but
# people whom you add to its pool. docs/how-to/deploy.md says how to make the zip and the image first.

variable "image" {
  description = "Image of the stages in ECR, pinned by digest."
  type        = string
}

variable "zip" {
  description = "What infra/functions.sh makes."
  type        = string
  default     = "../../../build/functions.zip"
}

module "videodrop" {
  source = "../.."

  functions = { zip = var.zip }
  images    = { lambda = var.image }
}

output "drop" {
  description = "Where to put videos."
  value       = module.videodrop.drop
}

output "api" {
  description = "Address of the API and its page."
  value       = module.videodrop.api
}

output "sign_in" {
  description = "Where tokens come from, and the pool to add people to."
  value       = module.videodrop.sign_in
}
