output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "live" {
  description = "The alias: its name, its ARN, and its ARN for API Gateway."
  value = {
    name       = aws_lambda_alias.live.name
    arn        = aws_lambda_alias.live.arn
    invoke_arn = aws_lambda_alias.live.invoke_arn
  }
}

output "rollout" {
  description = "CodeDeploy's input to shift the alias to the latest version; null if it is live."
  value       = one(local.rollouts)
}
