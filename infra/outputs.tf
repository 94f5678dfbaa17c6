output "drop" {
  description = "Where to put videos."
  value       = "s3://${module.uploads.name}/${local.topology.uploads.prefix}"
}

output "api" {
  description = "Address of the API and its page."
  value       = aws_apigatewayv2_api.query.api_endpoint
}

output "cdn" {
  description = "Address by CloudFront, and the id of the key that signs; null without `cdn`."
  value = one([
    for key, distribution in aws_cloudfront_distribution.cdn : {
      address = "https://${distribution.domain_name}"
      key_id  = aws_cloudfront_public_key.signer[key].id
    }
  ])
}

output "environment" {
  description = "Variables by which `videodrop` on any machine talks to this installation."
  value = {
    AWS_DEFAULT_REGION         = var.region
    VIDEODROP_NAME             = var.name
    VIDEODROP_UPLOADS_BUCKET   = module.uploads.name
    VIDEODROP_ARTIFACTS_BUCKET = module.artifacts.name
  }
}

output "queues" {
  description = "Addresses of the stages' queues, by stage and name."
  value       = { for name, stage in module.stage : name => { for queue, one in stage.queues : queue => one.url } }
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
