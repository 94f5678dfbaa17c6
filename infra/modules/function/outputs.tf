output "name" {
  description = "Of the function."
  value       = aws_lambda_function.this.function_name
}

output "live" {
  description = "The alias: its name, its ARN, and the ARN that API Gateway invokes it by."
  value = {
    name       = aws_lambda_alias.live.name
    arn        = aws_lambda_alias.live.arn
    invoke_arn = aws_lambda_alias.live.invoke_arn
  }
}

output "rollout" {
  description = "What CodeDeploy is told to shift the alias to the version published last; null when it is there."
  value       = one(local.rollouts)
}
