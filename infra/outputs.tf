output "drop" {
  description = "Where to put videos."
  value       = "s3://${module.uploads.name}/${local.topology.uploads.prefix}"
}

output "api" {
  description = "Address of the API and its page."
  value       = aws_apigatewayv2_api.query.api_endpoint
}

output "cdn" {
  description = "Address by CloudFront; null without `cdn`."
  value       = try(local.public_origins[0], null)
}

output "domains" {
  description = "Where the CNAME of each domain of your own points to."
  value = merge(
    { for domain in aws_apigatewayv2_domain_name.api : domain.domain_name => domain.domain_name_configuration[0].target_domain_name },
    merge([
      for distribution in aws_cloudfront_distribution.cdn :
      { for alias in distribution.aliases : alias => distribution.domain_name }
    ]...),
  )
}

output "environment" {
  description = "Variables by which `videodrop` on any machine talks to this installation."
  value = merge(local.large, {
    AWS_DEFAULT_REGION         = var.region
    VIDEODROP_NAME             = var.name
    VIDEODROP_UPLOADS_BUCKET   = module.uploads.name
    VIDEODROP_ARTIFACTS_BUCKET = module.artifacts.name
  })
}

output "queues" {
  description = "Addresses of the stages' queues, by stage and name."
  value       = { for name, stage in module.stage : name => { for queue, one in stage.queues : queue => one.url } }
}

output "rollouts" {
  description = "By function, what CodeDeploy is told to shift it to the version published last: `aws deploy create-deployment --cli-input-json`. README.md says how."
  value = {
    for name, rollout in merge(
      { for stage, one in module.stage : "${var.name}-${stage}" => one.rollout },
      { for one in [module.query, module.replays, module.janitor] : one.name => one.rollout },
    ) : name => rollout if rollout != null
  }
}

output "repositories" {
  description = "Where to push images to."
  value       = { for kind, repository in aws_ecr_repository.images : kind => repository.repository_url }
}

output "alarm_topic" {
  description = "The topic that alarms go to."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard" {
  description = "Address of the dashboard."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${var.name}"
}
