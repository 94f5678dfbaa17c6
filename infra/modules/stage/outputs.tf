output "queues" {
  description = "Its lanes by name, with ARN and URL."
  value       = module.lanes.queues
}

output "dead_letters" {
  description = "ARN and URL of the queue of its dead letters."
  value       = module.lanes.dead_letters
}

output "function" {
  description = "Name of its function; null where it runs on GPU hosts."
  value       = one(module.function[*].name)
}

output "rollout" {
  description = "What CodeDeploy is told to shift its function to the version published last; null when there is nothing to shift."
  value       = one(module.function[*].rollout)
}
