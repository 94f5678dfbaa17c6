output "queues" {
  description = "Queues by name, with ARN and URL."
  value       = { for name, queue in aws_sqs_queue.lane : name => { arn = queue.arn, url = queue.url } }
}

output "dead_letters" {
  description = "ARN and URL of the dead-letter queue."
  value       = { arn = aws_sqs_queue.dead_letters.arn, url = aws_sqs_queue.dead_letters.url }
}
