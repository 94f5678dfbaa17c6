output "name" {
  description = "Of the bucket."
  value       = aws_s3_bucket.this.id
}

output "domain" {
  description = "Its host name in its own region."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
