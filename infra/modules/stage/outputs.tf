output "queues" {
  description = "Lanes by name, with ARN and URL."
  value       = module.lanes.queues
}

output "dead_letters" {
  description = "ARN and URL of the dead-letter queue."
  value       = module.lanes.dead_letters
}

output "statements" {
  description = "Permissions of a worker of this stage, besides receiving its queues' messages."
  value       = local.statements
}

output "function" {
  description = "Name of the function; null on GPU hosts."
  value       = one(module.function[*].name)
}

output "rollout" {
  description = "CodeDeploy's input to shift the function to the latest version; null if it is live, or Terraform moves the alias."
  value       = one(module.function[*].rollout)
}
