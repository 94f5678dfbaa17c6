output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "live" {
  description = "The alias: its name, its ARN, and its ARN for API Gateway."
  value = {
    name       = local.alias.name
    arn        = local.alias.arn
    invoke_arn = local.alias.invoke_arn
  }
}

output "rollout" {
  description = "CodeDeploy's input to shift the alias to the latest version; null if it is live, or Terraform moves the alias."
  value       = one(local.rollouts)
}
