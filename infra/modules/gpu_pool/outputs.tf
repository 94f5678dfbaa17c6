output "queue" {
  description = "Name of the job queue."
  value       = aws_batch_job_queue.hosts.name
}

output "definition" {
  description = "Name of the job definition: a job gets its latest revision."
  value       = aws_batch_job_definition.worker.name
}
